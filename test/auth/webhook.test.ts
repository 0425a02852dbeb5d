import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import type { Principal } from "../../src/auth/principal.ts";
import { WebhookAuthenticator } from "../../src/auth/webhook.ts";
import { WebhookCalls, type WebhookCallsOptions } from "../../src/auth/webhook-calls.ts";
import { AppEndpoint } from "../support/app-endpoint.ts";
import { bearer, credentials, type Given } from "../support/credentials.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { RecordedLog } from "../support/recorded-log.ts";
import { refusalOf } from "../support/refusal.ts";

const SECRET = "the secret of webhook calls, 32 bytes";
const TIMEOUT_MS = 5_000;
const PAUSE_MS = 5_000;
/** In tests that let time pass while a call is under way. */
const LONG_MS = 86_400_000;

let clock: FakeClock;
let log: RecordedLog;
let app: AppEndpoint;

beforeEach(() => {
  clock = new FakeClock(Date.UTC(2026, 5, 1));
  log = new RecordedLog();
  app = new AppEndpoint();
});

afterEach(() => app.stop());

interface Options extends Partial<WebhookCallsOptions> {
  readonly forwardHeaders?: readonly string[];
}

function webhook(options: Options = {}): WebhookAuthenticator {
  const { forwardHeaders = ["cookie", "Authorization"], ...others } = options;
  const calls = new WebhookCalls({
    ...{ url: app.url, timeoutMs: TIMEOUT_MS, concurrentCalls: 4, waitingCalls: 100 },
    ...{ failures: 3, failureWindowMs: 10_000, pauseMs: PAUSE_MS, clock, log, random: () => 0.5 },
    ...others,
  });
  return new WebhookAuthenticator({ calls, forwardHeaders, clock, log });
}

function withCookie(cookie = "sid=1"): Given {
  return { requestHeaders: { cookie } };
}

/** Lets time pass until it is settled: pauses end, while what happens over the network goes on. */
async function whileTimePasses<T>(promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const settled = promise.finally(() => {
    isSettled = true;
  });
  settled.catch(() => {}); // It is awaited below.
  while (!isSettled) {
    await new Promise(setImmediate);
    clock.advance(10);
  }
  return settled;
}

function lastBody(): unknown {
  return JSON.parse(app.asked.at(-1)?.body ?? "null");
}

describe("the question", () => {
  test("has the cookie and the Authorization of the request that opened the connection", async () => {
    const requestHeaders = { cookie: "sid=1; a=b", authorization: "Bearer t", "x-secret": "s" };
    await webhook().authenticate(credentials({ requestHeaders }));
    const { headers } = app.asked[0] ?? { headers: new Headers() };
    expect(headers.get("cookie")).toBe("sid=1; a=b");
    expect(headers.get("authorization")).toBe("Bearer t");
    expect(headers.get("x-secret")).toBeNull();
    expect(headers.get("content-type")).toBe("application/json");
  });

  test("has CONNECT's token, and where it comes from", async () => {
    await webhook().authenticate(
      credentials({
        headers: { Authorization: "Bearer opaque|token", login: "alice" },
        remote: { address: "203.0.113.9", peerAddress: "10.0.0.1" },
      }),
    );
    expect(lastBody()).toEqual({ address: "203.0.113.9", login: "alice", token: "opaque|token" });
    expect(app.asked[0]?.headers.get("authorization")).toBe("Bearer opaque|token");
    await webhook().authenticate(credentials({ headers: { passcode: "secret" } }));
    expect(lastBody()).toEqual({ address: "127.0.0.1", token: "secret" });
  });

  test("has the headers that are configured, and no others", async () => {
    const requestHeaders = { cookie: "sid=1", "x-session": "s" };
    await webhook({ forwardHeaders: ["X-Session"] }).authenticate(credentials({ requestHeaders }));
    expect(app.asked[0]?.headers.get("x-session")).toBe("s");
    expect(app.asked[0]?.headers.get("cookie")).toBeNull();
    expect(webhook({ forwardHeaders: ["X-Session"] }).requestHeaders).toEqual(["x-session"]);
  });

  test("is not asked about nobody", async () => {
    for (const given of [{}, { headers: { login: "", passcode: "" } }, withCookie("")]) {
      expect(await webhook().authenticate(credentials(given))).toBeNull();
    }
    expect(app.asked).toEqual([]);
  });

  test("is signed with the time", async () => {
    await webhook({ secret: SECRET }).authenticate(credentials(withCookie()));
    const [asked] = app.asked;
    const seconds = clock.now() / 1000;
    const hmac = createHmac("sha256", SECRET).update(`${seconds}.${asked?.body}`).digest("hex");
    expect(asked?.headers.get("x-parley-signature")).toBe(`t=${seconds},v1=${hmac}`);
    await webhook().authenticate(credentials(withCookie()));
    expect(app.asked[1]?.headers.get("x-parley-signature")).toBeNull();
  });

  test.each(["Bearer t\r\nX-Admin: 1", "Bearer t\nX-Admin: 1", "Bearer \u0100", "a\u0000b"])(
    "with the Authorization %j, which is no header's value, is not asked",
    async (Authorization) => {
      const given = credentials({ headers: { Authorization } });
      expect(await refusalOf(() => webhook().authenticate(given))).toBe("AUTHENTICATION_FAILED");
      expect(app.asked).toEqual([]);
    },
  );

  test("may have a token of any characters in its body", async () => {
    await webhook().authenticate(credentials({ headers: { passcode: 'a\n"\u0100' } }));
    expect(lastBody()).toMatchObject({ token: 'a\n"\u0100' });
  });
});

describe("the answer", () => {
  const answered = (document: unknown, given: Given = withCookie()): Promise<Principal | null> => {
    app.answer = () => Response.json(document);
    return webhook().authenticate(credentials(given));
  };

  test("says who it is, from now on", async () => {
    const expiresAt = new Date(clock.now() + 60_000).toISOString();
    const document = { userId: "alice", name: "Alice", roles: ["admin"], expiresAt, extra: 1 };
    expect(await answered(document)).toEqual({
      ...{ userId: "alice", name: "Alice", roles: ["admin"], tokenId: null, byCookie: true },
      ...{ issuedMs: clock.now(), expiresMs: clock.now() + 60_000 },
    });
    expect(await answered({ userId: 42, name: null, expiresAt: null })).toMatchObject({
      ...{ userId: "42", name: "42", expiresMs: null },
    });
  });

  test("is a cookie's proof when a cookie, or a browser's password, was passed on", async () => {
    const proof = { userId: "alice" };
    const byCookie = async (given: Given) => (await answered(proof, given))?.byCookie;
    expect(await byCookie(withCookie())).toBe(true);
    expect(await byCookie({ ...withCookie(), headers: { Authorization: "Bearer t" } })).toBe(true);
    expect(await byCookie({ requestHeaders: { authorization: "Basic YTpi" } })).toBe(true);
    expect(await byCookie({ headers: { Authorization: "Bearer t" } })).toBe(false);
    expect(await byCookie({ headers: { login: "alice", passcode: "t" } })).toBe(false);
  });

  test("that the session is over is one that it has expired", async () => {
    const over = () => answered({ userId: "alice", expiresAt: clock.now() });
    expect(await refusalOf(over)).toBe("TOKEN_EXPIRED");
  });

  test.each([401, 403])("%d is a refusal, and asked once", async (status) => {
    app.answer = () => new Response("no", { status });
    const refusal = await refusalOf(() => webhook().authenticate(bearer("t")));
    expect(refusal).toBe("AUTHENTICATION_FAILED");
    expect(app.asked).toHaveLength(1);
    expect(log.lines).toEqual([]);
  });

  test.each([
    ["another status", () => new Response(null, { status: 204 })],
    ["a fault of the question", () => new Response(null, { status: 400 })],
    ["a missing page", () => new Response(null, { status: 404 })],
    ["a page", () => new Response("<html>")],
    ["no user", () => Response.json({ user: "alice" })],
    ["a list", () => Response.json([])],
    ["roles that are none", () => Response.json({ userId: "a", roles: "admin" })],
    ["a time that is none", () => Response.json({ userId: "a", expiresAt: "soon" })],
    ["a redirect", () => new Response(null, { status: 302, headers: { location: "/login" } })],
    [
      "a redirect of the call",
      () => new Response(null, { status: 307, headers: { location: "/" } }),
    ],
  ])("%s says nothing, asked once", async (_, answer) => {
    app.answer = answer;
    const refusal = await refusalOf(() => webhook().authenticate(bearer("t")));
    expect(refusal).toBe("AUTHENTICATION_UNAVAILABLE");
    expect(app.asked).toHaveLength(1);
    expect(log.lines).toHaveLength(1);
  });

  test("with an id that cannot be one is a refusal", async () => {
    expect(await refusalOf(() => answered({ userId: "a/b" }))).toBe("AUTHENTICATION_FAILED");
  });

  test("that does not end is cut off", async () => {
    let sent = 0;
    app.answer = () => {
      const body = new ReadableStream({
        pull(controller) {
          sent += 1;
          controller.enqueue(new Uint8Array(65_536));
        },
      });
      return new Response(body);
    };
    const refusal = await refusalOf(() => webhook().authenticate(bearer("t")));
    expect(refusal).toBe("AUTHENTICATION_UNAVAILABLE");
    expect(sent).toBeLessThan(1_000);
    expect(app.asked).toHaveLength(1);
  });

  test("that does not come in time is not waited for", async () => {
    app.answer = () => new Promise(() => {});
    const waiting = refusalOf(() => webhook().authenticate(bearer("t")));
    await app.calls(1);
    clock.advance(TIMEOUT_MS);
    expect(await waiting).toBe("AUTHENTICATION_UNAVAILABLE");
    expect(app.asked).toHaveLength(1);
  });
});

describe("an endpoint that fails", () => {
  const ask = (authenticator: WebhookAuthenticator) =>
    refusalOf(() => authenticator.authenticate(bearer("t")));
  const unavailable = () => new Response(null, { status: 503 });

  test("once is asked once more", async () => {
    app.next.push(unavailable);
    const asking = webhook({ timeoutMs: LONG_MS }).authenticate(bearer("t"));
    expect(await whileTimePasses(asking)).toMatchObject({ userId: "alice" });
    expect(app.asked).toHaveLength(2);
  });

  test("twice is not asked a third time", async () => {
    app.next.push(unavailable, unavailable);
    const refusal = await whileTimePasses(ask(webhook({ timeoutMs: LONG_MS })));
    expect(refusal).toBe("AUTHENTICATION_UNAVAILABLE");
    expect(app.asked).toHaveLength(2);
  });

  test("is asked again after a pause that differs from caller to caller", async () => {
    const pauses: number[] = [];
    for (const random of [0, 0.5, 0.999]) {
      app.next.push(unavailable);
      const scheduled: number[] = [];
      const recording = {
        now: () => clock.now(),
        monotonicMs: () => clock.monotonicMs(),
        schedule: (delayMs: number, task: () => void) => {
          scheduled.push(delayMs);
          return clock.schedule(delayMs, task);
        },
      };
      const options = { timeoutMs: LONG_MS, random: () => random, clock: recording };
      await whileTimePasses(webhook(options).authenticate(bearer("t")));
      pauses.push(...scheduled.filter((delayMs) => delayMs < 1_000));
    }
    expect(pauses).toEqual([50, 150, 249.8]);
  });

  test("is left alone for a while, then tried by one call, and asked by all when that succeeds", async () => {
    const authenticator = webhook({ timeoutMs: LONG_MS, failureWindowMs: LONG_MS });
    app.answer = unavailable;
    for (let call = 0; call < 3; call += 1) await whileTimePasses(ask(authenticator));
    const askedAtFirst = app.asked.length;
    for (let call = 0; call < 50; call += 1) {
      expect(await ask(authenticator)).toBe("AUTHENTICATION_UNAVAILABLE");
    }
    expect(app.asked).toHaveLength(askedAtFirst);

    clock.advance(PAUSE_MS);
    const probe = Promise.withResolvers<Response>();
    app.answer = () => probe.promise;
    const trying = authenticator.authenticate(bearer("t"));
    await app.calls(askedAtFirst + 1);
    for (let call = 0; call < 50; call += 1) {
      expect(await ask(authenticator)).toBe("AUTHENTICATION_UNAVAILABLE");
    }
    expect(app.asked).toHaveLength(askedAtFirst + 1);

    app.answer = () => Response.json({ userId: "alice" });
    probe.resolve(Response.json({ userId: "alice" }));
    expect(await trying).toMatchObject({ userId: "alice" });
    expect(await authenticator.authenticate(bearer("t"))).toMatchObject({ userId: "alice" });
    expect(log.texts.filter((text) => !text.startsWith("warn"))).toEqual([
      "error: The webhook keeps failing: nobody is asked for a while",
      "info: The webhook answers again",
    ]);
  });

  test("is not one that refuses, whoever is refused how often", async () => {
    const authenticator = webhook();
    app.answer = () => new Response(null, { status: 401 });
    for (let call = 0; call < 20; call += 1) {
      expect(await ask(authenticator)).toBe("AUTHENTICATION_FAILED");
    }
    expect(app.asked).toHaveLength(20);
  });

  test("that is not there is told without its address or the token", async () => {
    const authenticator = webhook({ timeoutMs: LONG_MS });
    await app.stop();
    const asking = refusalOf(() => authenticator.authenticate(bearer("a-secret-token")));
    expect(await whileTimePasses(asking)).toBe("AUTHENTICATION_UNAVAILABLE");
    expect(log.lines).toEqual([
      {
        level: "warn",
        fields: { reason: "unreachable: ECONNREFUSED" },
        message: "The webhook does not answer",
      },
    ]);
  });
});

describe("many at once", () => {
  test("are asked so many at a time, and all answered", async () => {
    const authenticator = webhook({ concurrentCalls: 4 });
    app.answer = async () => {
      await new Promise(setImmediate);
      return Response.json({ userId: "alice" });
    };
    const all = await Promise.all(
      Array.from({ length: 60 }, () => authenticator.authenticate(bearer("t"))),
    );
    expect(all.every((principal) => principal?.userId === "alice")).toBe(true);
    expect(app.asked).toHaveLength(60);
    expect(app.mostOpen).toBeLessThanOrEqual(4);
  });

  test("that are too many are refused at once; those that wait are refused in time", async () => {
    const authenticator = webhook({ concurrentCalls: 1, waitingCalls: 1 });
    app.answer = () => new Promise(() => {});
    const first = refusalOf(() => authenticator.authenticate(bearer("t")));
    await app.calls(1);
    const second = refusalOf(() => authenticator.authenticate(bearer("t")));
    const third = refusalOf(() => authenticator.authenticate(bearer("t")));
    expect(await third).toBe("AUTHENTICATION_UNAVAILABLE");
    clock.advance(TIMEOUT_MS);
    expect(await Promise.all([first, second])).toEqual([
      "AUTHENTICATION_UNAVAILABLE",
      "AUTHENTICATION_UNAVAILABLE",
    ]);
    expect(app.asked).toHaveLength(1);
  });
});
