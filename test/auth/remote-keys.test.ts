import { afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import { RemoteKeys } from "../../src/auth/remote-keys.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { type Issuer, makeIssuer } from "../support/issuers.ts";
import { KeyEndpoint } from "../support/key-endpoint.ts";
import { RecordedLog } from "../support/recorded-log.ts";
import { refusalOf } from "../support/refusal.ts";

const MAX_AGE_MS = 600_000;
const STALE_MS = 3_600_000;
const COOLDOWN_MS = 30_000;
const TIMEOUT_MS = 5_000;

let first: Issuer;
let second: Issuer;
let clock: FakeClock;
let log: RecordedLog;
let endpoint: KeyEndpoint;
let keys: RemoteKeys;

beforeAll(async () => {
  first = await makeIssuer("ES256", "first");
  second = await makeIssuer("ES256", "second");
});

beforeEach(() => {
  clock = new FakeClock();
  log = new RecordedLog();
  endpoint = new KeyEndpoint([first.jwk]);
  keys = remoteKeys(endpoint.url);
});

afterEach(() => endpoint.stop());

function remoteKeys(url: string): RemoteKeys {
  return new RemoteKeys({
    ...{ url, maxAgeMs: MAX_AGE_MS, staleMs: STALE_MS, cooldownMs: COOLDOWN_MS },
    ...{ timeoutMs: TIMEOUT_MS, clock, log },
  });
}

async function found(kid: string | undefined): Promise<number> {
  return (await keys.keysFor("ES256", kid)).length;
}

test("keys are fetched once, and kept", async () => {
  for (let token = 0; token < 5; token += 1) expect(await found("first")).toBe(1);
  expect(await found(undefined)).toBe(1);
  clock.advance(MAX_AGE_MS);
  expect(await found("first")).toBe(1);
  expect(endpoint.requests).toBe(1);
});

test("tokens that come at once share a fetch", async () => {
  const all = await Promise.all(Array.from({ length: 100 }, () => found("first")));
  expect(all).toEqual(Array.from({ length: 100 }, () => 1));
  expect(endpoint.requests).toBe(1);
});

test("keys that were fetched ahead are there for the first token", async () => {
  keys.prefetch();
  expect(await found("first")).toBe(1);
  expect(endpoint.requests).toBe(1);
});

test("keys that have become old are fetched again, and those that were withdrawn are known no more", async () => {
  await found("first");
  endpoint.publish(second.jwk);
  clock.advance(MAX_AGE_MS + 1);
  expect(await found("first")).toBe(0);
  expect(await found("second")).toBe(1);
  expect(endpoint.requests).toBe(2);
});

test("a new key is fetched when the first token names it", async () => {
  await found("first");
  endpoint.publish(first.jwk, second.jwk);
  clock.advance(COOLDOWN_MS);
  expect(await found("second")).toBe(1);
  expect(await found("first")).toBe(1);
  expect(endpoint.requests).toBe(2);
});

test("ever new kids fetch no more often than the cool-down", async () => {
  await found("first");
  for (let second = 1; second <= 600; second += 1) {
    clock.advance(1_000);
    const kids = Array.from({ length: 20 }, () => crypto.randomUUID());
    expect(await Promise.all(kids.map(found))).toEqual(kids.map(() => 0));
  }
  expect(endpoint.requests).toBe(1 + 600_000 / COOLDOWN_MS);
});

test("ever new kids fetch no more often while the endpoint fails", async () => {
  endpoint.fail();
  for (let second = 1; second <= 600; second += 1) {
    clock.advance(1_000);
    const kids = Array.from({ length: 20 }, () => crypto.randomUUID());
    const codes = await Promise.all(kids.map((kid) => refusalOf(() => found(kid))));
    expect(new Set(codes)).toEqual(new Set(["AUTHENTICATION_UNAVAILABLE"]));
  }
  // At first after 1, 2, 4, 8 and 16 seconds, then after each cool-down.
  expect(endpoint.requests).toBeLessThan(6 + 600_000 / COOLDOWN_MS);
  expect(endpoint.requests).toBeGreaterThan(600_000 / COOLDOWN_MS);
});

test("an endpoint that was down at first is asked again soon", async () => {
  endpoint.fail();
  expect(await refusalOf(() => found("first"))).toBe("AUTHENTICATION_UNAVAILABLE");
  endpoint.publish(first.jwk);
  expect(await refusalOf(() => found("first"))).toBe("AUTHENTICATION_UNAVAILABLE");
  clock.advance(1_000);
  expect(await found("first")).toBe(1);
  expect(log.texts).toEqual([
    "warn: The issuer's keys (jwt.jwks_url) cannot be fetched: tokens cannot be verified",
    "info: The issuer's keys can be fetched again",
  ]);
});

test("keys that are known stay in use while the endpoint is down, but not for good", async () => {
  await found("first");
  await endpoint.stop();
  clock.advance(MAX_AGE_MS + 1);
  expect(await found("first")).toBe(1);
  clock.advance(STALE_MS - 1);
  expect(await found("first")).toBe(1);
  // Which may be a new one: that cannot be told.
  expect(await refusalOf(() => found("second"))).toBe("AUTHENTICATION_UNAVAILABLE");
  clock.advance(1);
  expect(await refusalOf(() => found("first"))).toBe("AUTHENTICATION_UNAVAILABLE");
});

test("a fetch that takes too long is given up, and nobody waits longer", async () => {
  const arrived = Promise.withResolvers<void>();
  endpoint.answer = () => {
    arrived.resolve();
    return new Promise<Response>(() => {});
  };
  const waiting = [refusalOf(() => found("first")), refusalOf(() => found("first"))];
  await arrived.promise;
  clock.advance(TIMEOUT_MS);
  expect(await Promise.all(waiting)).toEqual([
    "AUTHENTICATION_UNAVAILABLE",
    "AUTHENTICATION_UNAVAILABLE",
  ]);
  expect(log.lines[0]?.fields).toMatchObject({ err: { kind: "timeout" } });
});

test("an answer that stops in its middle is given up", async () => {
  const begun = Promise.withResolvers<void>();
  endpoint.answer = () => {
    const body = new ReadableStream({
      pull(controller) {
        controller.enqueue('{"keys":[');
        begun.resolve();
        return new Promise(() => {});
      },
    });
    return new Response(body);
  };
  const waiting = refusalOf(() => found("first"));
  await begun.promise;
  clock.advance(TIMEOUT_MS);
  expect(await waiting).toBe("AUTHENTICATION_UNAVAILABLE");
});

test("an answer without end is cut off", async () => {
  let sent = 0;
  endpoint.answer = () => {
    const body = new ReadableStream({
      pull(controller) {
        sent += 1;
        controller.enqueue(new Uint8Array(65_536).fill(32));
      },
    });
    return new Response(body);
  };
  expect(await refusalOf(() => found("first"))).toBe("AUTHENTICATION_UNAVAILABLE");
  expect(log.lines[0]?.fields).toMatchObject({ err: { kind: "too-large" } });
  expect(sent).toBeLessThan(1_000);
});

test("a small answer that unpacks to a huge one is cut off", async () => {
  const packed = Bun.gzipSync(new Uint8Array(64 * 1024 * 1024).fill(32));
  endpoint.answer = () => new Response(packed, { headers: { "content-encoding": "gzip" } });
  expect(await refusalOf(() => found("first"))).toBe("AUTHENTICATION_UNAVAILABLE");
  expect(log.lines[0]?.fields).toMatchObject({ err: { kind: "too-large" } });
});

test.each([301, 302, 303, 307, 308])("a redirect (%d) is not followed", async (status) => {
  endpoint.answer = () => new Response(null, { status, headers: { location: "/elsewhere" } });
  expect(await refusalOf(() => found("first"))).toBe("AUTHENTICATION_UNAVAILABLE");
});

test.each([
  ["no JSON", () => new Response("<html>")],
  ["no set", () => Response.json([1])],
  ["a set of something else", () => Response.json({ keys: "none" })],
  ["another status", () => new Response("[]", { status: 404 })],
  ["nothing", () => new Response(null, { status: 204 })],
])("an answer that is %s does not replace the keys that are known", async (_, answer) => {
  await found("first");
  endpoint.answer = answer;
  clock.advance(MAX_AGE_MS + 1);
  expect(await found("first")).toBe(1);
  expect(endpoint.requests).toBe(2);
});

test("a key that is broken, or private, leaves the others as they are", async () => {
  endpoint.answer = () =>
    Response.json({
      keys: [
        { kty: "EC", crv: "P-256", kid: "broken", x: "AA", y: "AA" },
        { ...second.jwk, d: "AAAA", kid: "private" },
        { kty: "oct", k: "c2VjcmV0", kid: "secret" },
        null,
        "text",
        { kid: "no type" },
        first.jwk,
      ],
    });
  expect(await found("first")).toBe(1);
  clock.advance(COOLDOWN_MS);
  for (const kid of ["broken", "private", "secret", "no type"]) expect(await found(kid)).toBe(0);
});

test("an unreachable endpoint is told without its address", async () => {
  await endpoint.stop();
  expect(await refusalOf(() => found("first"))).toBe("AUTHENTICATION_UNAVAILABLE");
  expect(log.lines[0]?.fields).toMatchObject({
    err: { kind: "unreachable", code: "ECONNREFUSED" },
  });
});
