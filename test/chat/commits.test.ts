import { describe, expect, test } from "bun:test";
import type { ChatOptions } from "../../src/chat/chat.ts";
import { chatHarness } from "../support/chat-harness.ts";
import { HeldStore, settled } from "../support/held-store.ts";

const toBob = { conversationId: "c1", recipientId: "bob" };

/** Turns of the event loop end when the test says so. */
function turns(commitIntervalMs: number) {
  let waiting: (() => void)[] = [];
  const atTurnEnd = (task: () => void) => void waiting.push(task);
  const options: Partial<ChatOptions> = {
    commits: { commitIntervalMs, atTurnEnd, keepsOutbox: false },
  };
  const held = HeldStore.inMemory();
  const harness = chatHarness(held.store, options);
  return {
    ...harness,
    held,
    async endTurn() {
      const due = waiting;
      waiting = [];
      for (const task of due) task();
      await settled();
    },
  };
}

describe("a commit", () => {
  test("holds the messages of a turn, and the marks of those that left in it", async () => {
    const { send, chat, outlet, held, endTurn } = turns(0);
    send("alice", { ...toBob, clientMessageId: "m1" });
    send("alice", { ...toBob, clientMessageId: "m2" });
    expect(held.batches).toHaveLength(0);
    expect(outlet.watched.map(({ userId }) => userId)).toEqual(["bob", "bob"]);
    for (const { userId, message } of outlet.watched) chat.receipts.delivered(userId, message);
    held.isHolding = true;
    await endTurn();
    expect(held.batches).toHaveLength(1);
    expect(held.batches[0]?.messages.map(({ seq }) => seq)).toEqual([1, 2]);
    expect(held.batches[0]?.watermarks).toContainEqual(
      expect.objectContaining({ userId: "bob", deliveredSeq: 2 }),
    );
    expect(outlet.of("confirmation")).toEqual([]);
    await held.release();
    await endTurn();
    expect(held.batches).toHaveLength(1);
    const told = outlet.bodies("confirmation", "alice");
    expect(told.map(({ clientMessageId, status }) => `${clientMessageId} ${status}`)).toEqual([
      ...["m1 SENT", "m2 SENT"],
      ...["m1 DELIVERED", "m2 DELIVERED"],
    ]);
  });

  test("that fails takes the marks of its messages with it", async () => {
    const { send, chat, outlet, held, clock, endTurn } = turns(0);
    held.isFailing = true;
    const refused = send("alice", { ...toBob, clientMessageId: "m1" });
    for (const { userId, message } of outlet.watched) chat.receipts.delivered(userId, message);
    await endTurn();
    expect(refused.map((error) => error?.code)).toEqual(["STORAGE_UNAVAILABLE"]);
    held.isFailing = false;
    clock.advance(1_000);
    await settled();
    send("alice", { ...toBob, clientMessageId: "m1" });
    await endTurn();
    expect(outlet.bodies("confirmation", "alice")).toMatchObject([{ seq: 1, status: "SENT" }]);
    expect(held.inner.conversation("c1")?.members).toMatchObject([
      { userId: "alice", deliveredSeq: 1 },
      { userId: "bob", deliveredSeq: 0 },
    ]);
  });

  test("comes no sooner after the one before than its interval, with all that came meanwhile", async () => {
    const { send, held, clock, endTurn } = turns(2);
    send("alice", toBob);
    await endTurn();
    expect(held.batches).toHaveLength(1);
    send("alice", toBob);
    send("bob", { conversationId: "c1" });
    await endTurn();
    clock.advance(1);
    await settled();
    expect(held.batches).toHaveLength(1);
    clock.advance(1);
    await settled();
    expect(held.batches.map(({ messages }) => messages.length)).toEqual([1, 2]);
  });

  test("never waits when the one before began long ago", async () => {
    const { send, held, clock, endTurn } = turns(2);
    send("alice", toBob);
    await endTurn();
    clock.advance(2);
    send("alice", toBob);
    await endTurn();
    expect(held.batches).toHaveLength(2);
  });
});
