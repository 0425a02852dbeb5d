import { describe, expect, test } from "bun:test";
import { type Actor, SYSTEM } from "../../src/chat/actor.ts";
import { TimelyStore } from "../../src/chat/timely-store.ts";
import { chatHarness, createGroup } from "../support/chat-harness.ts";
import { HeldStore, settled } from "../support/held-store.ts";
import { refusalOf } from "../support/refusal.ts";
import { listOf } from "../support/stored.ts";
import { unheardNodes } from "../support/unheard-nodes.ts";

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

  test("is not asked for again and again before its time, however many they are", async () => {
    const { say, pass, held, contents } = await setUp();
    const { inner } = held;
    let reads = 0;
    const disappearing = inner.disappearing.bind(inner);
    inner.disappearing = (limit) => {
      reads += 1;
      return disappearing(limit);
    };
    for (let count = 0; count < 150; count += 1) await say(`message ${count}`, 3_600);
    await say("sooner", 10);
    for (let second = 0; second < 60; second += 1) await pass(1);
    expect((await contents()).slice(-2)).toEqual(["message 149", -50_000]);
    expect(reads).toBeLessThan(5);
  });

  test("goes when it is on disk at last, where its time was over before", async () => {
    const { say, pass, held, contents } = await setUp();
    held.isHolding = true;
    await say("short", 1);
    await pass(5);
    held.isHolding = false;
    await held.release();
    await pass(0);
    expect(await contents()).toEqual([-4_000]);
  });

  test("says nothing more where the disk does not know that its time is over", async () => {
    const { send, held, chat, clock } = await setUp();
    const store = new TimelyStore(held.inner, clock);
    const message = { conversationId: "g1", content: "short", mentions: ["bob"] };
    send("alice", { ...message, disappearAfterSeconds: 10 });
    await settled();
    const [kept] = await store.history({ conversationId: "g1", limit: 1 });
    const id = String(kept?.id);
    await chat.messageChanges.edit(alice, id, "shorter");
    await chat.disappearance.stop();
    const shown = async () => ({
      ...{ byId: await store.messageById(id), last: await store.conversationOf("bob", "g1") },
      history: await store.history({ conversationId: "g1", limit: 9 }),
      heads: await store.conversationsOf(listOf("bob")),
      perSender: await store.lastMessagePerSender("g1", 0, 9, "bob"),
    });
    expect(JSON.stringify(await shown())).toContain("shorter");
    clock.advance(10_000);
    expect(JSON.stringify(await shown())).not.toContain("short");
    expect(await store.messageById(id)).toMatchObject({
      ...{ content: "", mentions: null, deletedMs: clock.now() },
    });
    expect(await store.disappearing(1)).toMatchObject([{ content: "shorter" }]);
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

  test("goes from a store that others write to, by the node that is to see to it", async () => {
    const here = await setUp({ nodes: unheardNodes });
    const other = chatHarness(here.held.store, { nodes: unheardNodes });
    await other.chat.disappearance.stop();
    here.chat.disappearance.start();
    await here.pass(0);
    other.send("alice", { conversationId: "g1", content: "short", disappearAfterSeconds: 10 });
    await settled();
    for (let second = 0; second < 9; second += 1) {
      other.clock.advance(1_000);
      await here.pass(1);
    }
    expect(await here.contents()).toEqual(["short"]);
    for (let second = 0; second < 2; second += 1) {
      other.clock.advance(1_000);
      await here.pass(1);
    }
    expect(await here.contents()).toEqual([-1_000]);
    // The other one takes over, and looks at once.
    await here.chat.disappearance.stop();
    other.send("alice", { conversationId: "g1", content: "more", disappearAfterSeconds: 1 });
    await here.pass(60);
    expect((await here.contents()).at(-1)).toBe("more");
    other.clock.advance(60_000);
    other.chat.disappearance.start();
    other.clock.advance(0);
    for (let turn = 0; turn < 5; turn += 1) await settled();
    expect((await here.contents()).at(-1)).toBe(-59_000);
  });

  test("goes when the server is back, which was away at the time", async () => {
    const { say, held, contents, clock, chat } = await setUp();
    await say("short", 10);
    await chat.disappearance.stop();
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
