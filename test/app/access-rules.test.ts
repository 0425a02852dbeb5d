import { describe, expect, test } from "bun:test";
import { AccessRules } from "../../src/app/access-rules.ts";
import { makePrincipal } from "../../src/auth/authenticator.ts";
import { parseDestination } from "../../src/broker/destination.ts";
import { type AccessAction, parseAccessRule } from "../../src/config/access-rule.ts";
import { FakeConnection, FakeEngine, sessionHarness } from "../support/session-harness.ts";

const RULES = [
  "/topic/news/** subscribe everyone",
  "/topic/news/eu send role:editor|user:carol",
  "/topic/inbox/{userId}/** all everyone",
  "/queue/jobs.* all role:worker",
  "/queue/audit send everyone",
];

function rules(texts: readonly string[] = RULES, openToLocal = true): AccessRules {
  const parsed = texts.map((text) => parseAccessRule(text) ?? expect.unreachable(text));
  return new AccessRules({ rules: parsed, openToLocal });
}

interface Caller {
  readonly userId?: string;
  readonly roles?: readonly string[];
  readonly isProxied?: boolean;
}

function ask(access: AccessRules, { userId = "alice", roles = [], isProxied = false }: Caller) {
  const connection = new FakeConnection(new FakeEngine());
  connection.remote = { ...connection.remote, proxied: isProxied };
  const { session } = sessionHarness().open(connection);
  session.renew(makePrincipal({ userId, roles }));
  return (action: AccessAction, name: string): boolean => {
    const destination = parseDestination(name);
    if (destination.kind !== "topic" && destination.kind !== "queue") throw new Error(name);
    return access.permits(session, action, destination);
  };
}

describe("what no rule grants is refused", () => {
  const access = rules();
  test.each([
    ["subscribe", "/topic/news/eu", {}, true],
    ["subscribe", "/topic/news", {}, true],
    ["subscribe", "/topic/news.eu", {}, false],
    ["subscribe", "/topic/newsletter/x", {}, false],
    ["send", "/topic/news/eu", {}, false],
    ["send", "/topic/news/eu", { roles: ["editor"] }, true],
    ["send", "/topic/news/eu", { roles: ["Editor", "editors"] }, false],
    ["send", "/topic/news/us", { roles: ["editor"] }, false],
    ["send", "/topic/news/eu", { userId: "carol" }, true],
    ["send", "/topic/inbox/alice/x", {}, true],
    ["subscribe", "/topic/inbox/alice", {}, true],
    ["subscribe", "/topic/inbox/bob/x", {}, false],
    ["subscribe", "/topic/inbox/alice.b/x", {}, false],
    ["subscribe", "/topic/other", {}, false],
    ["subscribe", "/queue/jobs.mail", { roles: ["worker"] }, true],
    ["subscribe", "/queue/jobs.mail", {}, false],
    ["subscribe", "/queue/jobs.mail.eu", { roles: ["worker"] }, false],
    ["send", "/queue/audit", {}, true],
    ["subscribe", "/queue/audit", {}, false],
    ["subscribe", "/queue/news/eu", {}, false],
    ["subscribe", "/topic/jobs.mail", { roles: ["worker"] }, false],
  ] as const)("%s %s by %p: %p", (action, name, caller, isPermitted) => {
    const permits = ask(access, caller);
    expect(permits(action, name)).toBe(isPermitted);
    expect(permits(action, name)).toBe(isPermitted); // From memory.
  });

  test.each([
    ["/topic/news/*", true],
    ["/topic/news/#", true],
    ["/topic/news/**", true],
    ["/topic/#", false],
    ["/topic/*/eu", false],
    ["/topic/news.#", false],
    ["/topic/inbox/alice/*", true],
    ["/topic/inbox/*/x", false],
    ["/topic/inbox/#", false],
  ] as const)(
    "a subscription with wildcards, %s, gets no more than the rules: %p",
    (name, granted) => {
      expect(ask(access, {})("subscribe", name)).toBe(granted);
    },
  );

  test.each(["#", "a.#", "#.a"])("a user called %s gets nothing of others", (userId) => {
    const permits = ask(access, { userId });
    expect(permits("subscribe", "/topic/inbox/alice/x")).toBe(false);
    expect(permits("subscribe", `/topic/inbox/${userId}/x`)).toBe(false);
  });

  test("a user whose id has many words has none of the patterns about it", () => {
    const userId = "a.".repeat(40);
    expect(ask(access, { userId })("send", `/topic/inbox/${userId}/x`)).toBe(false);
  });
});

describe("without rules", () => {
  test("clients of this machine may do everything, on a server for this machine", () => {
    expect(ask(rules([], true), {})("send", "/topic/any")).toBe(true);
    expect(ask(rules([], false), {})("send", "/topic/any")).toBe(false);
  });

  test("those behind a proxy may do nothing", () => {
    expect(ask(rules([], true), { isProxied: true })("subscribe", "/queue/any")).toBe(false);
  });
});

test("a user's roles may change", () => {
  const access = rules();
  const { session } = sessionHarness().open();
  const destination = { kind: "topic", name: "/topic/news/eu" } as const;
  session.renew(makePrincipal({ userId: "alice" }));
  expect(access.permits(session, "send", destination)).toBe(false);
  session.renew(makePrincipal({ userId: "alice", roles: ["editor"] }));
  expect(access.permits(session, "send", destination)).toBe(true);
});

test("a pattern of too many words or wildcards is refused at the start", () => {
  expect(() => rules([`/topic/${"a/".repeat(20)}** all everyone`])).toThrow("access.rules");
  expect(() => rules([`/topic/${"*/".repeat(9)}x all everyone`])).toThrow("access.rules");
});

test.each([
  "/topic/a",
  "/topic/a send",
  "/topic/a send nobody",
  "/topic/a write everyone",
  "/topic/a send everyone now",
  "/app/a send everyone",
  "/topic/ send everyone",
  "/user/a/queue/x send everyone",
  "/topic/{user} send everyone",
  "/topic/x-{userId} send everyone",
  "/topic/{userId}.x send everyone",
  "/topic/a constructor everyone",
  "/topic/a send role:",
  "/topic/a send everyone|",
])("%s is no rule", (text) => {
  expect(parseAccessRule(text)).toBeNull();
});
