import { describe, expect, test } from "bun:test";
import { chatHarness } from "./support/chat-harness.ts";
import { HeldStore, settled } from "./support/held-store.ts";
import { sessionHarness } from "./support/session-harness.ts";

const HOUR_MS = 3_600_000;
const toBob = { conversationId: "c1", recipientId: "bob" };

/** Somebody sets the machine's clock: no time has passed. */
describe.each([
  ["forwards", HOUR_MS],
  ["back", -HOUR_MS],
])("the wall clock is set an hour %s, and", (_, jumpMs) => {
  test("nobody is cut off, neither before CONNECT nor for heart-beats nor as a slow reader", () => {
    const { clock, open, connect } = sessionHarness();
    const early = open();
    const silent = connect("alice", "1.2", "heart-beat:10000,0\n");
    const slow = connect("bob");
    slow.connection.buffered = 1;
    const all = [early, silent, slow];
    for (const { session } of all) session.check(clock.monotonicMs());
    clock.setWallBy(jumpMs);
    for (const { session } of all) session.check(clock.monotonicMs());
    expect(all.map(({ connection }) => connection.closedWith)).toEqual([null, null, null]);
    expect(slow.connection.isTerminated).toBe(false);
  });

  test("the limits hold as before", () => {
    const { clock, open, connect } = sessionHarness();
    const early = open();
    const silent = connect("alice", "1.2", "heart-beat:10000,0\n");
    clock.setWallBy(jumpMs);
    clock.advance(30_000);
    for (const { session } of [early, silent]) session.check(clock.monotonicMs());
    expect(early.connection.last().header("code")).toBe("CONNECT_TIMEOUT");
    expect(silent.connection.last().header("code")).toBe("HEARTBEAT_TIMEOUT");
  });

  test("the rate of messages is the same", () => {
    const { clock, send } = chatHarness(HeldStore.inMemory().store, {
      messagesPerSecond: 10,
      messagesBurst: 2,
    });
    const isTaken = () => {
      try {
        send("alice", toBob);
        return true;
      } catch {
        return false;
      }
    };
    expect([isTaken(), isTaken(), isTaken()]).toEqual([true, true, false]);
    clock.setWallBy(jumpMs);
    expect(isTaken()).toBe(false);
    clock.advance(100);
    expect([isTaken(), isTaken()]).toEqual([true, false]);
  });

  test("typing and presence end in their time", async () => {
    const { chat, clock, send, outlet } = chatHarness(HeldStore.inMemory().store);
    send("alice", toBob);
    await settled();
    chat.presence.connected("alice", "Alice");
    chat.presence.connected("bob", "Bob");
    await chat.typing.set("alice", "c1", true);
    chat.presence.disconnected("bob");
    clock.setWallBy(jumpMs);
    clock.advance(4_999);
    expect(outlet.bodies("typing", "c1")).toHaveLength(1);
    expect(outlet.bodies("presence", "*").map(({ status }) => status)).not.toContain("OFFLINE");
    clock.advance(1_001);
    expect(outlet.bodies("typing", "c1")).toMatchObject([{ isTyping: true }, { isTyping: false }]);
    expect(outlet.bodies("presence", "*").at(-1)).toMatchObject({
      userId: "bob",
      status: "OFFLINE",
    });
  });

  test("conversations keep their order", async () => {
    const held = HeldStore.inMemory();
    const { clock, send } = chatHarness(held.store);
    for (let n = 1; n <= 4; n += 1) {
      send("alice", { ...toBob, content: `${n}` });
      if (n === 2) clock.setWallBy(jumpMs);
    }
    await settled();
    const history = await held.inner.history({ conversationId: "c1", limit: 10 });
    expect(history.map(({ content, seq }) => `${content} ${seq}`)).toEqual([
      ...["1 1", "2 2", "3 3", "4 4"],
    ]);
  });
});
