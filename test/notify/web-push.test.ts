import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { generateVAPIDKeys } from "web-push";
import { loadSettings } from "../../src/config.ts";
import { OutboundClient } from "../../src/notify/outbound.ts";
import type { Notice, SendOutcome } from "../../src/notify/provider.ts";
import { openWebPush, type WebPush } from "../../src/notify/web-push.ts";
import { newCertificate } from "../support/certificates.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { noticeOf } from "../support/notices.ts";
import {
  type PushService,
  type PushServiceOptions,
  type PushSubscription,
  startPushService,
} from "../support/push-service.ts";

const VAPID = generateVAPIDKeys();
const HOUR_MS = 3_600_000;
const never = new AbortController().signal;

let clock: FakeClock;
let outbound: OutboundClient;
let service: PushService;
const services: PushService[] = [];

beforeEach(() => {
  clock = new FakeClock();
  outbound = new OutboundClient({ allow: ["127.0.0.1"] });
  service = start();
});

afterEach(async () => {
  outbound.close();
  await Promise.all(services.splice(0).map((each) => each.stop()));
});

function start(options: PushServiceOptions = {}): PushService {
  const started = startPushService({ now: clock.now, ...options });
  services.push(started);
  return started;
}

function provider(env: Readonly<Record<string, string>> = {}): WebPush {
  const { settings } = loadSettings({
    ...{ argv: [], cwd: "/srv", readFile: () => undefined },
    env: {
      PARLEY_WEBPUSH_PUBLIC_KEY: VAPID.publicKey,
      PARLEY_WEBPUSH_PRIVATE_KEY: VAPID.privateKey,
      PARLEY_WEBPUSH_SUBJECT: "mailto:operator@chat.example",
      ...env,
    },
  });
  const opened = openWebPush(settings.webpush, outbound, clock);
  if (opened === null) throw new Error("web push is not set up");
  return opened;
}

const subscribe = (at: PushService = service) => at.subscribe(VAPID.publicKey);

function push(
  to: PushSubscription,
  {
    by = provider(),
    notice = noticeOf(),
    id = "019b0000-0000-7000-8000-000000000001",
    signal = never,
  }: { by?: WebPush; notice?: Notice; id?: string; signal?: AbortSignal } = {},
): Promise<SendOutcome> {
  const keys = JSON.stringify(to.keys);
  const target = { id, userId: "alice", channel: "webpush", address: to.endpoint, keys } as const;
  return by.send({ target: { ...target, createdMs: clock.now() }, notices: [notice] }, signal);
}

describe("a notice", () => {
  test("reaches the browser encrypted, with a token that says who sends", async () => {
    const subscription = subscribe();
    expect(await push(subscription)).toEqual({ kind: "sent" });
    expect(service.received).toHaveLength(1);
    const [received] = service.received;
    expect(received).toMatchObject({
      ...{ endpoint: subscription.endpoint, ttl: 2_419_200, urgency: "high" },
      claims: { aud: service.origin, sub: "mailto:operator@chat.example" },
    });
    expect(JSON.parse(received?.text ?? "")).toMatchObject({
      ...{ version: 1, conversationId: "ann:bob", senderName: "Ann" },
      content: "Hello Bob",
    });
    expect((received?.claims.exp ?? 0) * 1_000 - clock.now()).toBe(12 * HOUR_MS);
  });

  test("reaches a push service over TLS by its name", async () => {
    const certificate = newCertificate("a push service");
    const secure = start({ certificate, host: "push.chat.example" });
    outbound = new OutboundClient({
      ...{ allow: ["127.0.0.1"], authorities: certificate.cert },
      resolve: async () => ["127.0.0.1"],
    });
    expect(await push(subscribe(secure))).toEqual({ kind: "sent" });
    expect(secure.received[0]?.claims.aud).toBe(secure.origin);
  });

  test("with much to say has room in what push services take", async () => {
    const notice = noticeOf({ newest: { content: "語".repeat(20_000) } });
    expect(await push(subscribe(), { notice })).toEqual({ kind: "sent" });
    expect(service.received[0]?.bytes).toBeWithin(4_090, 4_097);
  });

  test("says neither names nor text where the operator wishes so", async () => {
    const by = provider({ PARLEY_WEBPUSH_SHOW_CONTENT: "false" });
    await push(subscribe(), { by });
    expect(service.received[0]?.text).not.toMatch(/Ann|Hello|sender/);
  });

  test("takes the place of one of its conversation that waits, and of no other", async () => {
    const [phone, laptop] = [subscribe(), subscribe()];
    const other = noticeOf({ conversationId: "alice-carol" });
    await push(phone, { id: "phone" });
    await push(phone, { id: "phone", notice: noticeOf({ key: "f".repeat(32), count: 2 }) });
    await push(phone, { id: "phone", notice: other });
    await push(laptop, { id: "laptop" });
    const [first, newer, elsewhere, onLaptop] = service.received.map(({ topic }) => topic);
    expect(first).toHaveLength(32);
    expect(newer).toBe(first ?? null);
    expect(elsewhere).not.toBe(first ?? null);
    expect(onLaptop).not.toBe(first ?? null); // The service sees who talks with whom otherwise.
  });

  test.each([
    ["direct", false, {}, "high"],
    ["group", false, {}, "normal"],
    ["group", true, {}, "high"],
    ["direct", false, { PARLEY_WEBPUSH_URGENCY: "low" }, "low"],
  ] as const)(
    "%s, mentions the user %p, %p: urgency %p",
    async (kind, mentionsUser, env, urgency) => {
      const notice = noticeOf({ kind, newest: { mentionsUser } });
      await push(subscribe(), { by: provider(env), notice });
      expect(service.received[0]?.urgency).toBe(urgency);
    },
  );

  test("is kept as long as the operator says", async () => {
    await push(subscribe(), { by: provider({ PARLEY_WEBPUSH_TTL_S: "60" }) });
    expect(service.received[0]?.ttl).toBe(60);
  });
});

describe("the token", () => {
  test("is signed anew while it has hours left, and for each push service", async () => {
    const by = provider();
    const to = subscribe();
    const send = async (subscription: PushSubscription) => {
      expect(await push(subscription, { by })).toEqual({ kind: "sent" });
    };
    await send(to);
    clock.advance(6 * HOUR_MS);
    await send(to);
    clock.advance(HOUR_MS);
    await send(to);
    const [first, second, third] = service.received.map(({ authorization }) => authorization);
    expect(second).toBe(first ?? "");
    expect(third).not.toBe(first ?? "");
    const another = start();
    await send(subscribe(another));
    expect(another.received[0]?.claims.aud).toBe(another.origin);
  });
});

describe("what a push service answers", () => {
  test.each([
    [200, "sent"],
    [202, "sent"],
    [307, "refused"],
    [400, "refused"],
    [401, "refused"],
    [403, "refused"],
    [404, "gone"],
    [408, "retry"],
    [410, "gone"],
    [413, "refused"],
    [425, "retry"],
    [429, "retry"],
    [500, "retry"],
    [503, "retry"],
  ] as const)("%p: %s", async (status, kind) => {
    service.answerWith({ status });
    const reason = `${new URL(service.origin).host} answered ${status}`;
    const afterMs = null;
    // Too many requests, and no time named: they may be those for the one subscription.
    const blames = status === 429 ? "target" : "provider";
    expect(await push(subscribe())).toEqual(
      {
        ...{ sent: { kind: "sent" }, gone: { kind: "gone", reason } },
        ...{ retry: { kind: "retry", blames, reason, afterMs } },
        ...{ refused: { kind: "refused", reason } },
      }[kind] as SendOutcome,
    );
  });

  test("says when to try again", async () => {
    service.answerWith({ status: 429, headers: { "retry-after": "120" } });
    const blames = "provider";
    expect(await push(subscribe())).toMatchObject({ kind: "retry", blames, afterMs: 120_000 });
    const date = new Date(clock.now() + HOUR_MS).toUTCString();
    service.answerWith({ status: 503, headers: { "retry-after": date } });
    expect(await push(subscribe())).toMatchObject({ kind: "retry", afterMs: HOUR_MS });
  });

  test("forgets a subscription that the browser has taken back", async () => {
    const subscription = subscribe();
    service.unsubscribe(subscription);
    expect(await push(subscription)).toMatchObject({ kind: "gone" });
  });

  test("refuses a subscription that was made with another key", async () => {
    const subscription = service.subscribe(generateVAPIDKeys().publicKey);
    expect(await push(subscription)).toMatchObject({ kind: "refused" });
    expect(service.refusals).toEqual(["the subscription is for another key"]);
  });
});

describe("no answer", () => {
  test("in time, and the send ends with the signal", async () => {
    service.answerWith("hang");
    const ending = new AbortController();
    const sending = push(subscribe(), { signal: ending.signal });
    await service.asked(1);
    ending.abort();
    expect(await sending).toMatchObject({ kind: "retry", afterMs: null });
  });

  test("since nobody listens is tried again", async () => {
    const subscription = subscribe();
    await service.stop();
    const { host } = new URL(service.origin);
    const reason = `${host}: ECONNREFUSED`;
    expect(await push(subscription)).toEqual({
      kind: "retry",
      blames: "provider",
      reason,
      afterMs: null,
    });
  });
});

describe("no request is made", () => {
  test.each([
    ["https://10.0.0.1/push", "the URL leads to an address that is not public"],
    ["https://user:pass@push.example/", "the URL has a user name or a password"],
    ["ftp://127.0.0.1/", "the URL is not of https"],
    ["push", "the URL is not one"],
  ])("to %s", async (endpoint, reason) => {
    expect(await push({ ...subscribe(), endpoint })).toEqual({ kind: "refused", reason });
  });

  test("to a name that leads to an address that is not public", async () => {
    outbound = new OutboundClient({ allow: [], resolve: async () => ["127.0.0.1"] });
    const outcome = await push({ ...subscribe(), endpoint: "https://push.example/secret" });
    const reason = "push.example: the URL leads to an address that is not public";
    expect(outcome).toEqual({ kind: "refused", reason });
  });

  test.each([
    ["no keys", null],
    ["no JSON", "p256dh"],
    ["a key that is missing", JSON.stringify({ auth: "BTBZMqHH6r4Tts7J_aSIgg" })],
    ["a point beside the curve", JSON.stringify({ p256dh: "B".repeat(87), auth: "A".repeat(22) })],
  ])("with %s", async (_, keys) => {
    const target = { id: "1", userId: "alice", channel: "webpush", keys, createdMs: 0 } as const;
    const delivery = {
      target: { ...target, address: subscribe().endpoint },
      notices: [noticeOf()],
    };
    const reason = "its keys are not of a subscription";
    expect(await provider().send(delivery, never)).toEqual({ kind: "refused", reason });
    expect(service.requests).toBe(0);
  });
});

test("without keys there is no web push", () => {
  const { settings } = loadSettings({ argv: [], env: {}, cwd: "/srv", readFile: () => undefined });
  expect(openWebPush(settings.webpush, outbound, clock)).toBeNull();
});
