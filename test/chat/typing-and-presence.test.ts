import { describe, expect, test } from "bun:test";
import type { ChatOptions } from "../../src/chat/chat.ts";
import { MemoryChatStore } from "../../src/storage/memory-chat-store.ts";
import { chatHarness, createGroup } from "../support/chat-harness.ts";
import { HeldStore, settled } from "../support/held-store.ts";

async function twoInOne(options: Partial<ChatOptions> = {}) {
  const harness = chatHarness(new MemoryChatStore(), options);
  harness.send("alice", { conversationId: "c1", recipientId: "bob" });
  await settled();
  const typing = () =>
    harness.outlet.bodies("typing", "c1").map((body) => [body.userId, body.isTyping]);
  const presence = () =>
    harness.outlet.of("presence").map(({ body }) => [body.userId, body.status]);
  return { ...harness, typing, presence };
}

describe("typing", () => {
  test("expires without a refresh", async () => {
    const { chat, clock, typing } = await twoInOne();
    chat.typing.set("bob", "c1", true);
    clock.advance(5_000);
    chat.typing.set("bob", "c1", true);
    clock.advance(5_999);
    expect(typing()).toEqual([
      ["bob", true],
      ["bob", true],
    ]);
    clock.advance(1);
    expect(typing()).toEqual([
      ["bob", true],
      ["bob", true],
      ["bob", false],
    ]);
    clock.advance(60_000);
    expect(typing()).toHaveLength(3);
  });

  test("of several expires each in its time", async () => {
    const { chat, clock, typing } = await twoInOne();
    chat.typing.set("bob", "c1", true);
    clock.advance(1_000);
    chat.typing.set("alice", "c1", true);
    clock.advance(5_000);
    expect(typing().slice(2)).toEqual([["bob", false]]);
    clock.advance(1_000);
    expect(typing().slice(3)).toEqual([["alice", false]]);
  });

  const slow = { typingPerSecond: 1, typingBurst: 2 };

  test("that comes too fast is told late, and only as it is then", async () => {
    const { chat, clock, typing } = await twoInOne(slow);
    for (let n = 0; n < 100; n += 1) chat.typing.set("bob", "c1", n % 2 === 0);
    expect(typing()).toEqual([
      ["bob", true],
      ["bob", false],
    ]);
    chat.typing.set("bob", "c1", true);
    clock.advance(999);
    expect(typing()).toHaveLength(2);
    clock.advance(1);
    expect(typing().slice(2)).toEqual([["bob", true]]);
    clock.advance(6_000);
    expect(typing().slice(3)).toEqual([["bob", false]]);
  });

  test("that is only said again is left out past the rate, and lasts on all the same", async () => {
    const { chat, clock, typing } = await twoInOne(slow);
    for (let n = 0; n < 100; n += 1) chat.typing.set("bob", "c1", true);
    clock.advance(900);
    chat.typing.set("bob", "c1", true);
    clock.advance(5_999);
    expect(typing()).toHaveLength(2);
    clock.advance(1);
    expect(typing().slice(2)).toEqual([["bob", false]]);
  });

  test("of many that is late at many times is told together", async () => {
    const { chat, clock, outlet } = await twoInOne(slow);
    const users = Array.from({ length: 100 }, (_, n) => `u${n}`);
    await createGroup(chat, "g1", users);
    for (const userId of users) {
      for (let n = 0; n < 3; n += 1) chat.typing.set(userId, "g1", n % 2 === 0);
      clock.advance(1);
    }
    const before = outlet.bodies("typing", "g1").length;
    clock.advance(1_050);
    const late = outlet.bodies("typing", "g1").slice(before);
    expect(late).toHaveLength(users.length);
    expect(new Set(late.map(({ timestamp }) => timestamp)).size).toBeLessThanOrEqual(4);
  });

  test("of others is told in time, whatever one says", async () => {
    const { chat, typing } = await twoInOne(slow);
    for (let n = 0; n < 100; n += 1) chat.typing.set("bob", "c1", n % 2 === 0);
    chat.typing.set("alice", "c1", true);
    expect(typing().at(-1)).toEqual(["alice", true]);
  });

  test("whose end is not told yet ends with the user's last connection", async () => {
    const { chat, clock, typing } = await twoInOne(slow);
    for (let n = 0; n < 3; n += 1) chat.typing.set("bob", "c1", n % 2 === 0);
    chat.typing.left("bob");
    expect(typing().at(-1)).toEqual(["bob", false]);
    clock.advance(60_000);
    expect(typing()).toHaveLength(3);
  });

  test("ends when the user says so, and is not ended again", async () => {
    const { chat, clock, typing } = await twoInOne();
    chat.typing.set("bob", "c1", true);
    chat.typing.set("bob", "c1", false);
    clock.advance(60_000);
    expect(typing()).toEqual([
      ["bob", true],
      ["bob", false],
    ]);
  });

  test("is for members", async () => {
    const { chat } = await twoInOne();
    expect(() => chat.typing.set("mallory", "c1", true)).toThrow("No conversation c1");
    expect(() => chat.typing.set("alice", "c2", true)).toThrow("No conversation c2");
  });

  test("ends when the user goes offline", async () => {
    const { chat, clock, typing } = await twoInOne();
    chat.presence.connected("bob", "Bob");
    chat.typing.set("bob", "c1", true);
    chat.presence.disconnected("bob");
    clock.advance(5_000);
    expect(typing()).toEqual([
      ["bob", true],
      ["bob", false],
    ]);
  });
});

describe("presence", () => {
  test("begins with the first connection and ends a grace period after the last", async () => {
    const { chat, clock, presence } = await twoInOne();
    chat.presence.connected("bob", "Bob");
    chat.presence.connected("bob", "Bob");
    chat.presence.disconnected("bob");
    clock.advance(60_000);
    chat.presence.disconnected("bob");
    clock.advance(4_999);
    expect(presence()).toEqual([["bob", "ONLINE"]]);
    clock.advance(1);
    expect(presence()).toEqual([
      ["bob", "ONLINE"],
      ["bob", "OFFLINE"],
    ]);
    expect(chat.presence.onlineCount).toBe(0);
  });

  test("a page reload within the grace goes unnoticed", async () => {
    const { chat, clock, presence } = await twoInOne();
    chat.presence.connected("bob", "Bob");
    chat.presence.disconnected("bob");
    clock.advance(3_000);
    chat.presence.connected("bob", "Bob");
    clock.advance(60_000);
    expect(presence()).toEqual([["bob", "ONLINE"]]);
  });

  test("a word of OFFLINE ends with the connection that was left", async () => {
    const { chat, presence } = await twoInOne();
    chat.presence.connected("bob", "Bob");
    chat.presence.set("bob", "OFFLINE");
    chat.presence.disconnected("bob");
    chat.presence.connected("bob", "Bob");
    expect(presence().map(([, status]) => status)).toEqual(["ONLINE", "OFFLINE", "ONLINE"]);
  });

  test("the user's own word is told", async () => {
    const { chat, presence } = await twoInOne();
    chat.presence.connected("bob", "Bob");
    chat.presence.set("bob", "AWAY");
    expect(presence()).toEqual([
      ["bob", "ONLINE"],
      ["bob", "AWAY"],
    ]);
    expect(await chat.presence.of(["bob"])).toMatchObject([
      { userId: "bob", name: "Bob", status: "AWAY" },
    ]);
  });

  test("last seen is the end of the last connection, also after a restart", async () => {
    const store = new MemoryChatStore();
    const { chat, clock } = chatHarness(store);
    chat.presence.connected("bob", "Bob");
    clock.advance(60_000);
    chat.presence.disconnected("bob");
    clock.advance(5_000);
    const leftMs = clock.now() - 5_000;
    await settled();
    const restarted = chatHarness(store);
    restarted.clock.advance(1_000_000);
    expect(await restarted.chat.presence.of(["bob", "nobody"])).toEqual([
      { userId: "bob", name: "Bob", status: "OFFLINE", lastSeenMs: leftMs },
    ]);
  });

  test("of users who come and go together the first is written at once, the others together", async () => {
    const store = HeldStore.inMemory();
    const { chat, clock } = chatHarness(store.store);
    const written = () => store.batches.map(({ users }) => users.map(({ userId }) => userId));
    for (const userId of ["bob", "carol", "dora"]) {
      chat.presence.connected(userId, userId);
      await settled();
    }
    expect(written()).toEqual([["bob"]]);
    clock.advance(50);
    await settled();
    expect(written()).toEqual([["bob"], ["carol", "dora"]]);
    chat.presence.connected("erin", "Erin");
    await chat.stop();
    expect(written().at(-1)).toContain("erin");
  });
});
