import { describe, expect, test } from "bun:test";
import { type Actor, SYSTEM } from "../../src/chat/actor.ts";
import { chatHarness, createGroup } from "../support/chat-harness.ts";
import { HeldStore, settled } from "../support/held-store.ts";
import { refusalOf } from "../support/refusal.ts";

const user = (userId: string): Actor => ({ userId, name: userId });
const alice = user("alice");

async function setUp(options: Parameters<typeof chatHarness>[1] = {}) {
  const held = HeldStore.inMemory();
  const harness = chatHarness(held.store, { tellsEvents: true, ...options });
  const { chat, clock, outlet, send } = harness;
  await createGroup(chat, "g1", ["alice", "bob"]);
  const contents = async () => {
    const messages = await held.inner.history({ conversationId: "g1", limit: 100 });
    return messages
      .filter(({ event }) => event === null)
      .map(({ content, deletedMs }) => (deletedMs === null ? content : deletedMs - clock.now()));
  };
  const say = async (content: string, disappearAfterSeconds: number | null = null) => {
    send("alice", { conversationId: "g1", content, disappearAfterSeconds });
    await settled();
  };
  const pass = async (seconds: number) => {
    clock.advance(1_000 * seconds);
    for (let turn = 0; turn < 5; turn += 1) await settled();
  };
  const last = () => outlet.bodies("message", "bob").at(-1);
  return { ...harness, held, contents, say, pass, last };
}

describe("a message that disappears", () => {
  test("says when it will, and then says nothing, on disk too", async () => {
    const { say, pass, contents, last, clock } = await setUp();
    await say("short", 10);
    expect(last()).toMatchObject({
      ...{ content: "short", expiresAt: new Date(clock.now() + 10_000).toISOString() },
    });
    await say("long", 60);
    await say("for good");
    expect(last()).not.toHaveProperty("expiresAt");
    await pass(9);
    expect(await contents()).toEqual(["short", "long", "for good"]);
    await pass(1);
    expect(await contents()).toEqual([0, "long", "for good"]);
    await pass(50);
    expect(await contents()).toEqual([-50_000, 0, "for good"]);
  });

  test("tells nobody when it does, who knew", async () => {
    const { say, pass, outlet, contents } = await setUp();
    await say("short", 10);
    const told = outlet.told.length;
    await pass(20);
    expect(await contents()).toEqual([-10_000]);
    expect(outlet.told.length).toBe(told);
  });

  test("that comes later and goes earlier does not wait for the others", async () => {
    const { say, pass, contents } = await setUp();
    await say("long", 3_600 * 24);
    await say("short", 5);
    await pass(5);
    expect(await contents()).toEqual(["long", 0]);
    await pass(3_600 * 24);
    expect(await contents()).toEqual([-5_000, -3_600 * 24_000]);
  });

  test("may be many, and goes while the store is late or fails", async () => {
    const { say, pass, contents, held, faults } = await setUp({ uncommittedMessages: 1_000 });
    for (let count = 0; count < 250; count += 1) await say(`message ${count}`, 10);
    held.isHolding = true;
    await pass(10);
    held.isHolding = false;
    await held.release();
    for (let portion = 0; portion < 5; portion += 1) await pass(5);
    expect((await contents()).filter((content) => typeof content === "string")).toEqual([]);
    expect(faults).toEqual([]);
  });

  test("goes when the server is back, which was away at the time", async () => {
    const { say, held, contents, clock, chat } = await setUp();
    await say("short", 10);
    chat.disappearance.stop();
    clock.advance(60_000);
    const next = chatHarness(held.store);
    next.clock.advance(60_000);
    next.chat.disappearance.start();
    next.clock.advance(0);
    for (let turn = 0; turn < 5; turn += 1) await settled();
    expect(await contents()).toEqual([-50_000]);
  });
});

test("a group's owner and admins say how long it keeps messages", async () => {
  const { chat, say, last, clock } = await setUp();
  await say("before");
  const change = (userId: string, disappearAfterSeconds: number) =>
    chat.profiles.change(user(userId), "g1", { disappearAfterSeconds });
  expect(await refusalOf(() => change("bob", 60))).toBe("NOT_PERMITTED");
  await chat.roles.set(SYSTEM, "g1", "bob", "admin");
  await change("bob", 60);
  expect(last()).toMatchObject({ type: "DISAPPEARING_CHANGED", senderId: "bob" });
  expect(last()).not.toHaveProperty("expiresAt");
  await change("bob", 60);
  await say("after");
  expect(last()).toMatchObject({ expiresAt: new Date(clock.now() + 60_000).toISOString(), seq: 5 });
});

test("both of a direct conversation say how long it keeps messages, unless one blocks the other", async () => {
  const { chat, send, outlet, clock } = await setUp();
  send("alice", { conversationId: "d1", recipientId: "bob", content: "hello" });
  await settled();
  const change = (userId: string, disappearAfterSeconds: number | null) =>
    chat.profiles.change(user(userId), "d1", { disappearAfterSeconds });
  await change("bob", 60);
  expect(outlet.bodies("message", "alice").at(-1)).toMatchObject({
    ...{ type: "DISAPPEARING_CHANGED", senderId: "bob", event: { disappearAfterSeconds: 60 } },
    content: "bob made messages disappear after 60 seconds",
  });
  const expiries = async (own: number | null) => {
    send("alice", { conversationId: "d1", content: "next", disappearAfterSeconds: own });
    await settled();
    const { expiresAt } = outlet.bodies("message", "bob").at(-1) ?? {};
    return expiresAt === undefined ? null : (Date.parse(String(expiresAt)) - clock.now()) / 1_000;
  };
  // The shorter of the two times holds.
  expect([await expiries(null), await expiries(10), await expiries(600)]).toEqual([60, 10, 60]);
  await change("alice", null);
  expect([await expiries(null), await expiries(600)]).toEqual([null, 600]);
  expect(await refusalOf(() => chat.profiles.change(alice, "d1", { title: "Ours" }))).toBe(
    "VALIDATION_FAILED",
  );
  expect(await refusalOf(() => change("mallory", 5))).toBe("CONVERSATION_NOT_FOUND");
  await chat.blocks.block("bob", "alice");
  expect(await refusalOf(() => change("alice", 5))).toBe("BLOCKED");
});
