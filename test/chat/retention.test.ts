import { describe, expect, test } from "bun:test";
import { Retention, type RetentionOptions } from "../../src/chat/retention.ts";
import { silentLog } from "../../src/log.ts";
import { chatHarness } from "../support/chat-harness.ts";
import { HeldStore, settled } from "../support/held-store.ts";
import { batch, conversation, messages } from "../support/stored.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const toBob = { conversationId: "c1", recipientId: "bob" };

function setUp(options: Partial<RetentionOptions>) {
  const held = HeldStore.inMemory();
  const harness = chatHarness(held.store);
  const { clock } = harness;
  const retention = new Retention({
    ...{ store: held.store, clock, log: silentLog },
    ...{ maxAgeDays: 0, messagesPerConversation: 0, intervalMs: HOUR_MS },
    ...options,
  });
  /** Lets time pass in steps, so that a run's portions, each after a pause, come to their turn. */
  const pass = async (ms: number, steps = 1) => {
    for (let step = 0; step < steps; step++) {
      clock.advance(ms / steps);
      await settled();
    }
  };
  const kept = (conversationId = "c1") =>
    held.inner.history({ conversationId, limit: 10_000 }).map(({ seq }) => seq);
  return { held, retention, pass, kept, ...harness };
}

describe("retention", () => {
  test("by age removes messages when their days are over, and runs every interval", async () => {
    const { send, retention, pass, kept } = setUp({ maxAgeDays: 2 });
    retention.start();
    send("alice", toBob);
    await pass(DAY_MS, 24);
    send("alice", toBob);
    await pass(DAY_MS - HOUR_MS, 23);
    expect(kept()).toEqual([1, 2]);
    await pass(2 * HOUR_MS, 2);
    expect(kept()).toEqual([2]);
    await pass(DAY_MS, 24);
    expect(kept()).toEqual([]);
    send("alice", toBob);
    await settled();
    expect(kept()).toEqual([3]);
    await retention.stop();
  });

  test("by count keeps the last messages of each conversation, soon after the start", async () => {
    const { send, retention, pass, kept } = setUp({ messagesPerConversation: 2 });
    for (let n = 0; n < 5; n += 1) send("alice", toBob);
    await settled();
    retention.start();
    await pass(60_000);
    expect(kept()).toEqual([4, 5]);
    await retention.stop();
  });

  test("of nothing never asks the store", async () => {
    const { held, retention, pass } = setUp({});
    held.isFailing = true;
    retention.start();
    await pass(DAY_MS);
    expect(held.portions).toEqual([]);
    await retention.stop();
  });

  test("goes through many messages in portions, with pauses between them", async () => {
    const { held, retention, pass, kept } = setUp({ messagesPerConversation: 10 });
    await held.inner.commit(batch({ conversations: [conversation()], messages: messages(1_000) }));
    retention.start();
    await pass(10_000);
    expect(kept("chat").length).toBeGreaterThan(500);
    await pass(1_000, 100);
    expect(kept("chat")).toHaveLength(10);
    for (const { limit } of held.portions) expect(limit).toBeLessThanOrEqual(1_000);
    expect(held.portions.length).toBeGreaterThan(3);
    await retention.stop();
  });

  test("that the store refuses is tried again at the next interval", async () => {
    const { send, held, retention, pass, kept } = setUp({ messagesPerConversation: 1 });
    send("alice", toBob);
    send("alice", toBob);
    await settled();
    held.isFailing = true;
    retention.start();
    await pass(60_000);
    held.isFailing = false;
    await pass(60_000);
    expect(kept()).toEqual([1, 2]);
    await pass(HOUR_MS);
    expect(kept()).toEqual([2]);
    await retention.stop();
  });

  test("that is stopped between two portions removes no more", async () => {
    const { held, retention, pass, kept } = setUp({ messagesPerConversation: 10 });
    await held.inner.commit(batch({ conversations: [conversation()], messages: messages(1_000) }));
    retention.start();
    await pass(10_000);
    const left = kept("chat").length;
    expect(left).toBeLessThan(1_000);
    await retention.stop();
    await pass(DAY_MS, 24);
    expect(kept("chat")).toHaveLength(left);
  });
});

describe("a message that retention has removed", () => {
  test("is confirmed when it is sent again, also after a restart, and delivered to nobody", async () => {
    const { send, held, retention, pass, kept, outlet } = setUp({ messagesPerConversation: 1 });
    send("alice", { ...toBob, clientMessageId: "m1" });
    send("alice", { ...toBob, clientMessageId: "m2" });
    await settled();
    retention.start();
    await pass(60_000);
    await retention.stop();
    expect(kept()).toEqual([2]);
    const [first] = outlet.bodies("confirmation", "alice");

    const restarted = chatHarness(held.store);
    const outcomes = restarted.send("alice", { ...toBob, clientMessageId: "m1" });
    await settled();
    expect(outcomes).toEqual([null]);
    expect(restarted.outlet.bodies("confirmation", "alice")).toMatchObject([
      { messageId: first?.messageId, seq: 1, clientMessageId: "m1", recipientId: "bob" },
    ]);
    expect(restarted.outlet.of("message")).toEqual([]);
    restarted.send("alice", { ...toBob, clientMessageId: "m3" });
    await settled();
    expect(restarted.outlet.bodies("message", "bob")).toMatchObject([{ seq: 3 }]);
  });
});
