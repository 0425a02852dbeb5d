import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { type ApnsSettings, openApns } from "../../src/notify/apns.ts";
import type { Notice, NoticeProvider, SendOutcome } from "../../src/notify/provider.ts";
import { ApnsEndpoint, type ApnsRefusal } from "../support/apns-endpoint.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { deliveryOf, noticeOf } from "../support/mobile-notices.ts";
import { SilentRelay } from "../support/silent-relay.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const DEVICE = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0";
const MINUTE_MS = 60_000;

const folder = new TemporaryFolder();
afterAll(() => folder[Symbol.dispose]());

let clock: FakeClock;
let apple: ApnsEndpoint;
let apns: NoticeProvider;

beforeEach(async () => {
  clock = new FakeClock();
  apple = await ApnsEndpoint.start(clock);
  apns = opened();
});
afterEach(async () => {
  await apns.stop();
  await apple.stop();
});

function settingsOf(given: Partial<ApnsSettings> = {}): ApnsSettings {
  return {
    ...apple.keySettings(folder.path),
    ...{ environment: "production", endpoint: apple.url },
    ...{ showContent: true, ttlMs: 3_600_000, concurrency: 4 },
    ...given,
  };
}

function opened(given: Partial<ApnsSettings> = {}): NoticeProvider {
  const provider = openApns(settingsOf(given), clock, { ca: apple.ca });
  if (provider === null) throw new Error("not opened");
  return provider;
}

function send(notice: Notice = noticeOf(), signal = new AbortController().signal) {
  return apns.send(deliveryOf("apns", DEVICE, notice), signal);
}

function sendMany(count: number): Promise<SendOutcome[]> {
  return Promise.all(Array.from({ length: count }, () => send()));
}

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
    expect(await send(noticeOf({ count: 2 }))).toEqual({ kind: "sent" });
    const [push] = apple.pushes;
    expect(push?.device).toBe(DEVICE);
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
    await send(noticeOf({ conversationId: long, key: "f".repeat(32) }));
    await send(noticeOf({ conversationId: long }));
    await send(noticeOf({ conversationId: `${"é".repeat(127)}2` }));
    const [first, second, other] = apple.pushes.map(({ headers }) => headers);
    expect(first?.["apns-collapse-id"]).toBe(second?.["apns-collapse-id"]);
    expect(first?.["apns-collapse-id"]).not.toBe(other?.["apns-collapse-id"]);
    expect(first?.["apns-id"]).not.toBe(second?.["apns-id"]);
  });

  test("tells Apple nothing of content and senders where it should not", async () => {
    await send(noticeOf({ isPrivate: true }));
    await apns.stop();
    apns = opened({ showContent: false });
    await send(noticeOf({ count: 3 }));
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
      expect(await send(noticeOf(notice))).toEqual({ kind: "sent" });
    }
    expect(Math.max(...apple.pushes.map(({ bytes }) => bytes))).toBeGreaterThan(2_000);
  });

  test("is delivered now or never without a time to live", async () => {
    await apns.stop();
    apns = opened({ ttlMs: 0 });
    await send();
    expect(apple.pushes[0]?.headers["apns-expiration"]).toBe("0");
  });

  test("goes to no address that is no device token", async () => {
    const delivery = deliveryOf("apns", "../../metrics");
    const outcome = await apns.send(delivery, new AbortController().signal);
    expect(outcome).toEqual({ kind: "gone", reason: "APNs: the address is no device token" });
    expect(apple.connections).toBe(0);
  });
});

describe("the connection", () => {
  test("is one for all pushes, as many at a time as APNs takes", async () => {
    expect(await sendMany(60)).toEqual(Array(60).fill({ kind: "sent" }));
    expect(await sendMany(60)).toEqual(Array(60).fill({ kind: "sent" }));
    expect(apple.connections).toBe(1);
    expect(apple.mostStreams).toBe(20);
  });

  test("that APNs ends brings what it has begun to its end, and another one takes the rest", async () => {
    await send();
    apple.react = () => "hang";
    const begun = send(noticeOf({ conversationId: "begun" }));
    await apple.hanging(1);
    const others = [send(), send()];
    await apple.hanging(3);
    apple.react = () => undefined;
    apple.goAway(1);
    expect(await Promise.all(others)).toEqual([{ kind: "sent" }, { kind: "sent" }]);
    expect(apple.connections).toBe(2);
    apple.release();
    expect(await begun).toEqual({ kind: "sent" });
    expect(await send()).toEqual({ kind: "sent" });
    expect(apple.connections).toBe(2);
  });

  test("that APNs ends is given up when the last push on it is", async () => {
    await send();
    apple.react = () => "hang";
    const controller = new AbortController();
    const begun = send(noticeOf(), controller.signal);
    await apple.hanging(1);
    apple.react = () => undefined;
    apple.goAway(1);
    await send();
    controller.abort(new Error("no time"));
    await expect(begun).rejects.toThrow("no time");
    clock.advance(5_000);
    expect(await send()).toEqual({ kind: "sent" });
    expect(apple.connections).toBe(2);
  });

  test("that is cut leaves what was under way to be tried later, and the next one works", async () => {
    await send();
    apple.react = () => "hang";
    const lost = send();
    await apple.hanging(1);
    apple.cut();
    const reason = "APNs: no answer (connection lost)";
    expect(await lost).toEqual({ kind: "retry", reason, afterMs: null });
    apple.react = () => undefined;
    expect(await send()).toEqual({ kind: "sent" });
    expect(apple.connections).toBe(2);
  });

  test("that breaks off without a word is no different", async () => {
    const relay = await SilentRelay.to(apple.port);
    await apns.stop();
    apns = opened({ endpoint: relay.url });
    apple.react = () => "hang";
    const lost = send();
    await apple.hanging(1);
    relay.cut();
    expect(await lost).toMatchObject({ kind: "retry", afterMs: null });
    apple.react = () => undefined;
    expect(await send()).toEqual({ kind: "sent" });
    await relay.stop();
  });

  test("goes on when a single push is reset", async () => {
    apple.react = () => "reset";
    expect(await send()).toMatchObject({ kind: "retry", afterMs: null });
    apple.react = () => undefined;
    expect(await send()).toEqual({ kind: "sent" });
    expect(apple.connections).toBe(1);
  });

  test("goes on when a push is given up, also one that waits for its turn", async () => {
    const controller = new AbortController();
    apple.react = () => "hang";
    const hanging = send(noticeOf(), controller.signal);
    await apple.hanging(1);
    apple.react = () => undefined;
    controller.abort(new Error("no time"));
    await expect(hanging).rejects.toThrow("no time");
    await expect(send(noticeOf(), controller.signal)).rejects.toThrow("no time");
    expect(await send()).toEqual({ kind: "sent" });
    expect(apple.connections).toBe(1);
  });

  test("that nobody answers on any more is given up, and another one made", async () => {
    const relay = await SilentRelay.to(apple.port);
    await apns.stop();
    apns = opened({ endpoint: relay.url });
    await send();
    relay.setSilent(true);
    const controller = new AbortController();
    const first = send(noticeOf(), controller.signal);
    const second = send();
    await relay.lost;
    controller.abort(new Error("no time"));
    await expect(first).rejects.toThrow("no time");
    clock.advance(5_000);
    expect(await second).toMatchObject({ kind: "retry" });
    relay.setSilent(false);
    expect(await send()).toEqual({ kind: "sent" });
    expect(apple.connections).toBe(2);
    await relay.stop();
  });

  test("that does not come about is not waited for any longer than ten seconds", async () => {
    const relay = await SilentRelay.to(apple.port);
    relay.setSilent(true);
    await apns.stop();
    apns = opened({ endpoint: relay.url });
    const controller = new AbortController();
    const impatient = send(noticeOf(), controller.signal);
    const patient = send();
    await relay.lost;
    controller.abort(new Error("no time"));
    await expect(impatient).rejects.toThrow("no time");
    clock.advance(10_000);
    const reason = "APNs: no connection in time";
    expect(await patient).toEqual({ kind: "retry", reason, afterMs: null });
    relay.setSilent(false);
    expect(await send()).toEqual({ kind: "sent" });
    await relay.stop();
  });

  test("is without TLS where the end point is one of this machine, and http", async () => {
    const plain = await ApnsEndpoint.start(clock, "http");
    await apns.stop();
    apns = opened({ endpoint: plain.url });
    expect(await sendMany(30)).toEqual(Array(30).fill({ kind: "sent" }));
    expect(plain.connections).toBe(1);
    await apns.stop();
    await plain.stop();
  });

  test("is made with nobody whose certificate is not trusted", async () => {
    const provider = openApns(settingsOf(), clock);
    const outcome = await provider?.send(deliveryOf("apns", DEVICE), new AbortController().signal);
    expect(outcome).toEqual({
      ...{ kind: "retry", reason: "APNs: no connection (DEPTH_ZERO_SELF_SIGNED_CERT)" },
      afterMs: null,
    });
    expect(apple.pushes).toHaveLength(0);
  });

  test("to nobody is tried later", async () => {
    await apple.stop();
    const outcome = await send();
    const reason = "APNs: no connection (ECONNREFUSED)";
    expect(outcome).toEqual({ kind: "retry", reason, afterMs: null });
  });

  test("ends with the provider, and with it what is under way", async () => {
    apple.react = () => "hang";
    const sending = send();
    await apple.hanging(1);
    await apns.stop();
    expect(await sending).toMatchObject({ kind: "retry" });
    expect(clock.scheduledCount).toBe(1);
  });
});

describe("the provider token", () => {
  test("is one for all pushes, and another one after forty minutes", async () => {
    await sendMany(5);
    clock.advance(40 * MINUTE_MS - 1);
    await sendMany(5);
    expect(tokensSeen()).toBe(1);
    clock.advance(1);
    await sendMany(5);
    expect(tokensSeen()).toBe(2);
    expect(apple.pushes).toHaveLength(15);
  });

  test("that APNs refuses is replaced, once by many pushes", async () => {
    await send();
    // The machine's clock was wrong when the token was made.
    const stale = apple.pushes[0]?.token;
    apple.react = ({ token }) => {
      return token === stale ? { status: 403, reason: "ExpiredProviderToken" } : undefined;
    };
    clock.advance(MINUTE_MS);
    expect(await sendMany(5)).toEqual(Array(5).fill({ kind: "sent" }));
    expect(tokensSeen()).toBe(2);
  });

  test("that APNs refuses again is not replaced within twenty minutes", async () => {
    const seen = new Set<string>();
    apple.react = ({ token }) => {
      seen.add(token);
      return { status: 403, reason: "InvalidProviderToken" };
    };
    const refused = { kind: "retry", reason: "APNs: 403 InvalidProviderToken", afterMs: null };
    expect(await send()).toEqual(refused as SendOutcome);
    expect(seen.size).toBe(2);
    clock.advance(20 * MINUTE_MS - 1);
    expect(await send()).toEqual(refused as SendOutcome);
    expect(seen.size).toBe(2);
    clock.advance(1);
    await send();
    expect(seen.size).toBe(3);
  });

  test("is none of the future when the machine's clock is set back", async () => {
    await send();
    clock.setWallBy(-90 * MINUTE_MS);
    expect(await send()).toEqual({ kind: "sent" });
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
      { kind: "retry", reason: "APNs: 410 Unregistered", afterMs: null },
    ],
    [
      { status: 410, reason: "ExpiredToken" },
      { kind: "gone", reason: "APNs: 410 ExpiredToken" },
    ],
    [
      { status: 400, reason: "BadDeviceToken" },
      { kind: "gone", reason: "APNs: 400 BadDeviceToken" },
    ],
    [
      { status: 400, reason: "DeviceTokenNotForTopic" },
      { kind: "gone", reason: "APNs: 400 DeviceTokenNotForTopic" },
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
      { kind: "retry", reason: "APNs: 403 BadEnvironmentKeyIdInToken", afterMs: null },
    ],
    [
      { status: 429, reason: "TooManyRequests" },
      { kind: "retry", reason: "APNs: 429 TooManyRequests", afterMs: null },
    ],
    [
      { status: 500, reason: "InternalServerError" },
      { kind: "retry", reason: "APNs: 500 InternalServerError", afterMs: null },
    ],
    [
      { status: 503, reason: "Shutdown", headers: { "retry-after": "30" } },
      { kind: "retry", reason: "APNs: 503 Shutdown", afterMs: 30_000 },
    ],
    [
      { status: 400, reason: "Not a name: Hello Bob" },
      { kind: "refused", reason: "APNs: 400" },
    ],
    [
      { status: 502, reason: "" },
      { kind: "retry", reason: "APNs: 502", afterMs: null },
    ],
  ])("of %j", async (refusal, outcome) => {
    apple.react = () => refusal;
    expect(await send()).toEqual(outcome);
  });
});

describe("a key file is refused", () => {
  const refusal = (pem: string) => () => opened(apple.keySettings(folder.path, pem));

  test("that is not there", () => {
    const open = () => opened({ keyFile: folder.file("none.p8") });
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
