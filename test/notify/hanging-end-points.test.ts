import { afterEach, expect, test } from "bun:test";
import { generateVAPIDKeys } from "web-push";
import { OutboundClient } from "../../src/notify/outbound.ts";
import { WebPush } from "../../src/notify/web-push.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { NoticeHarness } from "../support/notice-harness.ts";
import { target } from "../support/noticed.ts";
import { type PushService, startPushService } from "../support/push-service.ts";
import { batch, conversation, EPOCH_MS, message } from "../support/stored.ts";

const VAPID = generateVAPIDKeys();
/** Of each service, in one group: many times the lanes. */
const BROWSERS = 40;
const LANES = 16;

const services: PushService[] = [];

afterEach(async () => {
  await Promise.all(services.splice(0).map((service) => service.stop()));
});

function start(host: string, clock: FakeClock): PushService {
  const service = startPushService({ host, now: clock.now });
  services.push(service);
  return service;
}

/** Over real web push; sends never end by themselves. */
async function openHarness(clock: FakeClock, outbound: OutboundClient): Promise<NoticeHarness> {
  const settings = { ttlS: 60, urgency: "auto", showContent: true, concurrency: LANES } as const;
  const identity = { ...VAPID, subject: "mailto:operator@chat.example" };
  const times = {
    timeoutMs: Number.MAX_SAFE_INTEGER,
    giveUpMs: 86_400_000,
    firstMs: 1_000,
    mostMs: 60_000,
  };
  return await NoticeHarness.open({
    providers: [
      {
        provider: new WebPush(settings, identity, outbound, clock),
        pace: { channel: "webpush", delayMs: 0, intervalMs: 0, ...times },
      },
    ],
    clock,
  });
}

test.each([
  ["under one name", () => "hangs.example"],
  ["under names of its own each", (at: number) => `user-${at}.hangs.example`],
])(
  "end points that hang, %s, keep lanes only: all that is for others is out while theirs waits",
  async (_, hostOf) => {
    const clock = new FakeClock(EPOCH_MS);
    const outbound = new OutboundClient({
      allow: ["127.0.0.1"],
      resolve: async () => ["127.0.0.1"],
    });
    const good = start("push.good.example", clock);
    const bad = start("hangs.example", clock);
    bad.answerWith("hang");
    await using harness = await openHarness(clock, outbound);
    // Before the harness is: it waits for what is under way.
    using _closing = { [Symbol.dispose]: () => outbound.close() };
    const { storage, worker } = harness;
    const userIds = Array.from({ length: 2 * BROWSERS }, (_, at) => `user-${at}`);
    await storage.chat.commit(
      batch({ conversations: [conversation("all", ["alice", ...userIds])] }),
    );
    for (const [at, userId] of userIds.entries()) {
      // Those that hang are the first in each line.
      const service = at < BROWSERS ? bad : good;
      const { endpoint, keys } = service.subscribe(VAPID.publicKey);
      const address = at < BROWSERS ? endpoint.replace("hangs.example", hostOf(at)) : endpoint;
      await storage.notices.putTarget(
        target(`${1_000 + at}`, { userId, address, keys: JSON.stringify(keys) }),
      );
    }
    harness.start();
    await harness.messages(message(1, { conversationId: "all", timestampMs: EPOCH_MS }));
    while (good.received.length < BROWSERS) {
      clock.advance(20);
      worker.wake();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(bad.requests).toBeGreaterThan(0);
    expect(bad.requests).toBeLessThanOrEqual(LANES / 8);
    expect(await storage.notices.waiting()).toBeGreaterThanOrEqual(BROWSERS);
    expect(new Set(good.received.map(({ endpoint }) => endpoint)).size).toBe(BROWSERS);
  },
);
