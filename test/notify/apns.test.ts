import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { openApns } from "../../src/notify/apns.ts";
import type { SendOutcome } from "../../src/notify/provider.ts";
import type { ApnsEndpoint, ApnsRefusal } from "../support/apns-endpoint.ts";
import { APNS_DEVICE, ApnsHarness } from "../support/apns-harness.ts";
import type { FakeClock } from "../support/fake-clock.ts";
import { noticeOf } from "../support/notices.ts";

const MINUTE_MS = 60_000;

let apns: ApnsHarness;
let apple: ApnsEndpoint;
let clock: FakeClock;

beforeEach(async () => {
  apns = await ApnsHarness.start();
  ({ apple, clock } = apns);
});
afterEach(() => apns.stop());

function tokensSeen(): number {
  return new Set(apple.pushes.map(({ token }) => token)).size;
}

test("without a key file there is no provider", () => {
  const settings = {
    environment: "production",
    showContent: true,
    ttlMs: 0,
    concurrency: 1,
  } as const;
  expect(openApns(settings, clock)).toBeNull();
});

describe("a push", () => {
  test("has the headers and the payload that APNs demands", async () => {
    expect(await apns.send(noticeOf({ count: 2 }))).toEqual({ kind: "sent" });
    const [push] = apple.pushes;
    expect(push?.device).toBe(APNS_DEVICE);
    expect(push?.headers).toMatchObject({
      ...{ "apns-topic": "com.example.chat", "apns-push-type": "alert", "apns-priority": "10" },
      "apns-expiration": String(clock.now() / 1000 + 3_600),
      "apns-id": "01234567-89ab-8def-8123-456789abcdef",
    });
    expect(push?.payload).toEqual({
      aps: {
        alert: { title: "Ann (2 new)", body: "Hello Bob" },
        ...{ "thread-id": "ann:bob", sound: "default", "mutable-content": 1 },
      },
      ...{ key: "0123456789abcdef0123456789abcdef", conversationId: "ann:bob" },
      ...{ kind: "direct", count: "2", senderId: "ann", seq: "7" },
      messageId: "019b0000-0000-7000-8000-000000000007",
    });
  });

  test("replaces an earlier one of its conversation, and of no other", async () => {
    const long = `${"é".repeat(127)}1`;
    await apns.send(noticeOf({ conversationId: long, key: "f".repeat(32) }));
    await apns.send(noticeOf({ conversationId: long }));
    await apns.send(noticeOf({ conversationId: `${"é".repeat(127)}2` }));
    const [first, second, other] = apple.pushes.map(({ headers }) => headers);
    expect(first?.["apns-collapse-id"]).toBe(second?.["apns-collapse-id"]);
    expect(first?.["apns-collapse-id"]).not.toBe(other?.["apns-collapse-id"]);
    expect(first?.["apns-id"]).not.toBe(second?.["apns-id"]);
  });

  test("tells Apple nothing of content and senders where it should not", async () => {
    await apns.send(noticeOf({ isPrivate: true }));
    await apns.reopen({ showContent: false });
    await apns.send(noticeOf({ count: 3 }));
    expect(apple.pushes.map(({ payload }) => payload)).toMatchObject([
      { aps: { alert: { title: "New message" } } },
      { aps: { alert: { title: "3 new messages" } } },
    ]);
    for (const { payload } of apple.pushes) {
      expect(payload).not.toHaveProperty("senderId");
      expect(JSON.stringify(payload)).not.toMatch(/Hello|Ann\b/);
    }
  });

  test("fits, whatever is in it", async () => {
    for (const character of ['"', "\\", "€", "\ud800", "👨‍👩‍👧‍👦"]) {
      const text = character.repeat(5_000);
      const id = character.isWellFormed() ? character.repeat(128).slice(0, 120) : "id";
      const newest = { senderName: text, content: text, senderId: id };
      const notice = {
        conversationId: id,
        kind: "group",
        title: text,
        count: 999,
        newest,
      } as const;
      expect(await apns.send(noticeOf(notice))).toEqual({ kind: "sent" });
    }
    expect(Math.max(...apple.pushes.map(({ bytes }) => bytes))).toBeGreaterThan(2_000);
  });

  test("is delivered now or never without a time to live", async () => {
    await apns.reopen({ ttlMs: 0 });
    await apns.send();
    expect(apple.pushes[0]?.headers["apns-expiration"]).toBe("0");
  });

  test("goes to no address that is no device token", async () => {
    const { signal } = new AbortController();
    const outcome = await apns.send(noticeOf(), signal, "../../metrics");
    expect(outcome).toEqual({ kind: "gone", reason: "APNs: the address is no device token" });
    expect(apple.connections).toBe(0);
  });
});

describe("the provider token", () => {
  test("is one for all pushes, and another one after forty minutes", async () => {
    await apns.sendMany(5);
    clock.advance(40 * MINUTE_MS - 1);
    await apns.sendMany(5);
    expect(tokensSeen()).toBe(1);
    clock.advance(1);
    await apns.sendMany(5);
    expect(tokensSeen()).toBe(2);
    expect(apple.pushes).toHaveLength(15);
  });

  test("that APNs refuses is replaced, once by many pushes", async () => {
    await apns.send();
    // The machine's clock was wrong when the token was made.
    const stale = apple.pushes[0]?.token;
    apple.react = ({ token }) => {
      return token === stale ? { status: 403, reason: "ExpiredProviderToken" } : undefined;
    };
    clock.advance(MINUTE_MS);
    expect(await apns.sendMany(5)).toEqual(Array(5).fill({ kind: "sent" }));
    expect(tokensSeen()).toBe(2);
  });

  test("that APNs refuses again is not replaced within twenty minutes", async () => {
    const seen = new Set<string>();
    apple.react = ({ token }) => {
      seen.add(token);
      return { status: 403, reason: "InvalidProviderToken" };
    };
    const refused = {
      kind: "retry",
      blames: "provider",
      reason: "APNs: 403 InvalidProviderToken",
      afterMs: null,
    };
    expect(await apns.send()).toEqual(refused as SendOutcome);
    expect(seen.size).toBe(2);
    clock.advance(20 * MINUTE_MS - 1);
    expect(await apns.send()).toEqual(refused as SendOutcome);
    expect(seen.size).toBe(2);
    clock.advance(1);
    await apns.send();
    expect(seen.size).toBe(3);
  });

  test("is none of the future when the machine's clock is set back", async () => {
    await apns.send();
    clock.setWallBy(-90 * MINUTE_MS);
    expect(await apns.send()).toEqual({ kind: "sent" });
    expect(apple.refusals).toBe(0);
  });
});

describe("an answer", () => {
  const createdMs = Date.UTC(2026, 0, 1);

  test.each<[ApnsRefusal, SendOutcome]>([
    [
      { status: 410, reason: "Unregistered" },
      { kind: "gone", reason: "APNs: 410 Unregistered" },
    ],
    [
      { status: 410, reason: "Unregistered", timestamp: createdMs + 1 },
      { kind: "gone", reason: "APNs: 410 Unregistered" },
    ],
    [
      { status: 410, reason: "Unregistered", timestamp: createdMs - 1 },
      { kind: "retry", blames: "target", reason: "APNs: 410 Unregistered", afterMs: null },
    ],
    [
      { status: 410, reason: "ExpiredToken" },
      { kind: "gone", reason: "APNs: 410 ExpiredToken" },
    ],
    [
      { status: 400, reason: "BadDeviceToken" },
      { kind: "refused", reason: "APNs: 400 BadDeviceToken" },
    ],
    [
      { status: 400, reason: "DeviceTokenNotForTopic" },
      { kind: "refused", reason: "APNs: 400 DeviceTokenNotForTopic" },
    ],
    [
      { status: 400, reason: "BadTopic" },
      { kind: "refused", reason: "APNs: 400 BadTopic" },
    ],
    [
      { status: 404, reason: "BadPath" },
      { kind: "refused", reason: "APNs: 404 BadPath" },
    ],
    [
      { status: 413, reason: "PayloadTooLarge" },
      { kind: "refused", reason: "APNs: 413 PayloadTooLarge" },
    ],
    [
      { status: 403, reason: "BadEnvironmentKeyIdInToken" },
      {
        kind: "retry",
        blames: "provider",
        reason: "APNs: 403 BadEnvironmentKeyIdInToken",
        afterMs: null,
      },
    ],
    [
      { status: 429, reason: "TooManyRequests" },
      { kind: "retry", blames: "target", reason: "APNs: 429 TooManyRequests", afterMs: null },
    ],
    [
      { status: 500, reason: "InternalServerError" },
      { kind: "retry", blames: "provider", reason: "APNs: 500 InternalServerError", afterMs: null },
    ],
    [
      { status: 503, reason: "Shutdown", headers: { "retry-after": "30" } },
      { kind: "retry", blames: "provider", reason: "APNs: 503 Shutdown", afterMs: 30_000 },
    ],
    [
      { status: 400, reason: "Not a name: Hello Bob" },
      { kind: "refused", reason: "APNs: 400" },
    ],
    [
      { status: 502, reason: "" },
      { kind: "retry", blames: "provider", reason: "APNs: 502", afterMs: null },
    ],
  ])("of %j", async (refusal, outcome) => {
    apple.react = () => refusal;
    expect(await apns.send()).toEqual(outcome);
  });
});

describe("a key file is refused", () => {
  const refusal = (pem: string) => () => apns.open(apple.keySettings(apns.folder.path, pem));

  test("that is not there", () => {
    const open = () => apns.open({ keyFile: apns.folder.file("none.p8") });
    expect(open).toThrow(/^apns\.key_file: .+none\.p8 cannot be read \(ENOENT/);
  });

  test("that holds no private key, and nothing of it is said", () => {
    const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
    for (const text of ["", "secret", pem]) {
      expect(refusal(text)).toThrow(
        /^apns\.key_file: \S+ holds no private key in PEM that can be read\.$/,
      );
    }
  });

  test("whose key is none for ES256", () => {
    const keys = [
      generateKeyPairSync("ec", { namedCurve: "P-384" }),
      generateKeyPairSync("rsa", { modulusLength: 2_048 }),
    ];
    for (const { privateKey } of keys) {
      const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
      expect(refusal(pem)).toThrow(/holds a key that is none of the curve P-256/);
    }
  });
});
