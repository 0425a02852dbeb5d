import { describe, expect, test } from "bun:test";
import type { ChatOptions } from "../../src/chat/chat.ts";
import { chatHarness } from "../support/chat-harness.ts";
import { HeldStore, settled } from "../support/held-store.ts";
import { batch, message } from "../support/stored.ts";

const toBob = { conversationId: "c1", recipientId: "bob" };

function setUp(options: Partial<ChatOptions> = {}) {
  const held = HeldStore.inMemory();
  const harness = chatHarness(held.store, options);
  const pass = async (ms: number, steps = 1) => {
    for (let step = 0; step < steps; step++) {
      harness.clock.advance(ms / steps);
      await settled();
    }
  };
  return { held, pass, ...harness };
}

describe("a store that fails", () => {
  test("is found to work again though nobody sends", async () => {
    const { held, send, pass, chat, storeChanges } = setUp();
    held.isFailing = true;
    send("alice", toBob);
    await settled();
    expect(chat.journal.isFailing).toBe(true);
    await pass(10_000, 100);
    expect(chat.journal.isFailing).toBe(true);

    held.isFailing = false;
    const commits = held.batches.length;
    await pass(2_000, 20);
    expect(chat.journal.isFailing).toBe(false);
    expect(held.batches).toHaveLength(commits);
    expect(storeChanges).toEqual(["STORAGE_UNAVAILABLE", "works"]);
  });

  test("is asked at a bounded pace, and no more once it works", async () => {
    const { held, send, pass } = setUp();
    await pass(60_000, 60);
    expect(held.probes).toBe(0);
    held.isFailing = true;
    for (let n = 0; n < 10; n += 1) send("alice", toBob);
    await pass(60_000, 600);
    expect(held.probes).toBeGreaterThan(10);
    expect(held.probes).toBeLessThanOrEqual(60);
    held.isFailing = false;
    await pass(2_000, 2);
    const { probes } = held;
    await pass(60_000, 60);
    expect(held.probes).toBe(probes);
  });

  test("is asked by what waits to be written, where something does", async () => {
    const { held, send, pass, chat, outlet } = setUp();
    send("alice", toBob);
    await settled();
    const first = outlet.watched[0]?.message;
    if (first === undefined) throw new Error("nobody is watched");
    held.isFailing = true;
    await chat.receipts.delivered("bob", first);
    await settled();
    held.isFailing = false;
    await pass(1_000);
    expect(held.probes).toBe(0);
    expect(chat.journal.isFailing).toBe(false);
    expect(held.inner.conversation("c1")?.members[1]?.deliveredSeq).toBe(1);
  });

  test("is asked on when what waited was there before", async () => {
    const { held, send, pass, chat } = setUp();
    send("alice", toBob);
    await settled();
    // Of bob, who has not received the first one, no watermark moves: his message is all there is.
    const fromBob = { conversationId: "c1" };
    held.isFailing = true;
    send("bob", fromBob);
    await settled();
    held.isFailing = false;
    held.isHolding = true;
    const repeat = send("bob", { ...fromBob, clientMessageId: "once" });
    await pass(5_000, 5);
    expect(held.probes).toBe(0);
    const first = message(2, { conversationId: "c1", senderId: "bob", clientMessageId: "once" });
    await held.inner.commit(batch({ messages: [first] }));
    held.isHolding = false;
    await held.release();
    expect(repeat).toEqual([null]);
    expect(chat.journal.isFailing).toBe(true);
    await pass(1_000);
    expect(held.probes).toBe(1);
    expect(chat.journal.isFailing).toBe(false);
  });

  test("is left alone when chat has stopped", async () => {
    const { held, send, pass, chat } = setUp();
    held.isFailing = true;
    send("alice", toBob);
    await settled();
    await chat.stop();
    await pass(60_000, 60);
    expect(held.probes).toBe(0);
  });
});

describe("a store that is behind", () => {
  test("has a commit under way for longer than 5 s", async () => {
    const { held, send, pass, chat } = setUp();
    held.isHolding = true;
    send("alice", toBob);
    await pass(5_000);
    expect(chat.journal.isBehind).toBe(false);
    await pass(1);
    expect(chat.journal.isBehind).toBe(true);
    expect(chat.journal.isFailing).toBe(false);
    await held.release();
    expect(chat.journal.isBehind).toBe(false);
  });

  test("has more than half of the messages to commit that may wait", async () => {
    const { held, send, chat } = setUp({ uncommittedMessages: 10 });
    held.isHolding = true;
    for (let n = 0; n < 5; n += 1) send("alice", toBob);
    expect(chat.journal.isBehind).toBe(false);
    send("alice", toBob);
    expect(chat.journal.isBehind).toBe(true);
    held.isHolding = false;
    await held.release();
    expect(chat.journal.isBehind).toBe(false);
  });
});
