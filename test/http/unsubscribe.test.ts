import { beforeEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { Hono } from "hono";
import { AddressList } from "../../src/address-list.ts";
import { AddressRate } from "../../src/auth/address-rate.ts";
import { LimitKeys } from "../../src/auth/limit-keys.ts";
import type { Remote } from "../../src/auth/remote.ts";
import { AppError, toAppError } from "../../src/errors.ts";
import type { ApiEnvironment } from "../../src/http/api.ts";
import { unsubscribeRoutes } from "../../src/http/unsubscribe.ts";
import { newUuid } from "../../src/ids.ts";
import { UNSUBSCRIBE_PATH, unsubscribeToken } from "../../src/notify/email/unsubscribe-token.ts";
import { Notifications } from "../../src/notify/notifications.ts";
import type { NoticeTargetStore } from "../../src/notify/ports.ts";
import { DEFAULT_PREFERENCES } from "../../src/notify/preferences.ts";
import { memoryStorage } from "../../src/storage/memory.ts";
import { TokenBuckets } from "../../src/token-buckets.ts";
import { EMAIL_TARGET } from "../support/email-notices.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { LOCAL } from "../support/remote.ts";

const SECRET = "0123456789abcdef0123456789abcdef";
const BURST = 5;
const REMOTE: Remote = { ...LOCAL, peerAddress: "203.0.113.5", address: "203.0.113.5" };
const TOKEN = unsubscribeToken({ userId: "bob", targetId: EMAIL_TARGET.id }, SECRET);
/** What mail programs send [RFC 8058 §3.2]. */
const ONE_CLICK = {
  method: "POST",
  headers: { "content-type": "application/x-www-form-urlencoded" },
  body: "List-Unsubscribe=One-Click",
} as const;

let targets: NoticeTargetStore;
let users: Notifications;
let api: Hono<ApiEnvironment>;

beforeEach(async () => {
  targets = memoryStorage().notices;
  await targets.putTarget(EMAIL_TARGET);
  users = new Notifications({
    ...{ store: targets, channels: ["email"], webPushKey: null, clock: new FakeClock() },
    ...{ refusalOf: () => null, newId: newUuid },
  });
  const buckets = new TokenBuckets(new FakeClock(), { perSecond: 1, burst: BURST });
  const keys = new LimitKeys(AddressList.parse([]));
  api = new Hono<ApiEnvironment>();
  unsubscribeRoutes(api, {
    ...{ users, secret: SECRET, appName: "<Parley>" },
    requests: new AddressRate(keys, buckets, "requests from this address"),
  });
  // As the API asks all that comes behind.
  api.use(() => {
    throw new AppError("ORIGIN_FORBIDDEN", "It comes from elsewhere");
  });
  api.onError((fault, context) => context.text(toAppError(fault).code, 418));
});

async function ask(token: string | null, init: RequestInit = {}) {
  const query = token === null ? "" : `?token=${encodeURIComponent(token)}`;
  const request = new Request(`http://chat.example${UNSUBSCRIBE_PATH}${query}`, init);
  const response = await api.fetch(request, {
    ...{ remote: REMOTE, bodyBytes: 1_024 },
    takeTime: () => ({ done() {} }),
  });
  return { response, text: await response.text() };
}

describe("a link in an e-mail", () => {
  test("that is opened asks, and changes nothing", async () => {
    for (const method of ["GET", "HEAD"]) {
      const { response } = await ask(TOKEN, { method });
      expect(response.status).toBe(200);
    }
    const { text } = await ask(TOKEN);
    expect(text).toContain(`<form method="post" action="?token=${TOKEN}">`);
    expect(text).toContain("&lt;Parley&gt; will tell you");
    expect(await targets.preferencesOf("bob")).toBeNull();
  });

  test.each([
    [
      "the button",
      { ...ONE_CLICK, headers: { ...ONE_CLICK.headers, origin: "http://chat.example" } },
    ],
    ["a mail program", ONE_CLICK],
    ["a page from elsewhere", { ...ONE_CLICK, headers: { origin: "https://mail.example" } }],
    ["a request without a body", { method: "POST" }],
  ])("ends the e-mails, and nothing else, by %s", async (_, init) => {
    const wishes = { ...DEFAULT_PREFERENCES, groups: "mentions", previews: false } as const;
    await targets.putPreferences("bob", wishes);
    const { response, text } = await ask(TOKEN, init);
    expect([response.status, response.headers.get("set-cookie")]).toEqual([200, null]);
    expect(text).toContain("You get no more e-mails");
    expect(await targets.preferencesOf("bob")).toEqual({ ...wishes, email: false });
  });

  test("ends them for who has said nothing yet, and may be used again", async () => {
    for (let count = 0; count < 2; count += 1) {
      expect((await ask(TOKEN, ONE_CLICK)).response.status).toBe(200);
      expect(await targets.preferencesOf("bob")).toEqual({ ...DEFAULT_PREFERENCES, email: false });
    }
  });

  test("ends them whatever else the user changes in that moment", async () => {
    const put = targets.putPreferences.bind(targets);
    const held = Promise.withResolvers<void>();
    targets.putPreferences = async (...given) => {
      targets.putPreferences = put;
      await held.promise;
      await put(...given);
    };
    const changed = users.changePreferences("bob", { previews: false });
    const ended = ask(TOKEN, ONE_CLICK);
    // It has come as far as it comes without the other one.
    for (let turns = 0; turns < 10; turns += 1) await new Promise(setImmediate);
    held.resolve();
    await Promise.all([changed, ended]);
    const wishes = { ...DEFAULT_PREFERENCES, previews: false, email: false };
    expect(await targets.preferencesOf("bob")).toEqual(wishes);
  });

  test("keeps nothing of who gets none: the user may have been erased", async () => {
    await targets.removeTarget("bob", EMAIL_TARGET.id);
    const { text } = await ask(TOKEN, ONE_CLICK);
    expect(text).toContain("You get no more e-mails");
    expect(await targets.preferencesOf("bob")).toBeNull();
  });
});

test.each([
  ["none", null],
  ["a part of one", TOKEN.slice(0, -2)],
  ["one of another secret", unsubscribeToken({ userId: "bob", targetId: "x" }, "?".repeat(32))],
  ["a script", "<script>alert(1)</script>"],
])("a token that is %s says so, and changes nothing", async (_, token) => {
  for (const init of [{}, ONE_CLICK]) {
    const { response, text } = await ask(token, init);
    expect(response.status).toBe(400);
    expect(text).toContain("This link is not valid");
    expect(text).not.toContain("<script");
  }
  expect(await targets.preferencesOf("bob")).toBeNull();
});

test("pages run nothing, are kept by nobody and stand in no frame", async () => {
  for (const [token, init] of [
    [TOKEN, {}],
    [TOKEN, ONE_CLICK],
    ["wrong", {}],
  ] as const) {
    const { response, text } = await ask(token, init);
    const style = /<style>([\s\S]*?)<\/style>/.exec(text)?.[1] ?? "";
    const hash = createHash("sha256").update(style).digest("base64");
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "text/html; charset=UTF-8",
      "content-security-policy": `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`,
      "cache-control": "no-store",
      "x-frame-options": "DENY",
    });
  }
});

test("what is none of these two requests is the API's to answer", async () => {
  expect((await ask(TOKEN, { method: "PUT" })).text).toBe("ORIGIN_FORBIDDEN");
});

test("an address may ask so often, and no oftener", async () => {
  for (let count = 0; count < BURST; count += 1) await ask("guessed");
  expect((await ask(TOKEN)).text).toBe("RATE_LIMITED");
  expect((await ask(TOKEN, ONE_CLICK)).text).toBe("RATE_LIMITED");
  expect(await targets.preferencesOf("bob")).toBeNull();
});
