import { describe, expect, test } from "bun:test";
import { SYSTEM } from "../../src/chat/actor.ts";
import type { AppError } from "../../src/errors.ts";
import { MemoryChatStore } from "../../src/storage/memory-chat-store.ts";
import { chatHarness, createGroup } from "../support/chat-harness.ts";
import { HeldStore, settled } from "../support/held-store.ts";
import { Device, numbers, syncFrom } from "../support/replay-device.ts";
import { batch } from "../support/stored.ts";

/** A group of alice, bob and carol, on disk. */
async function group(options: Parameters<typeof chatHarness>[1] = {}) {
  const held = HeldStore.inMemory();
  const harness = chatHarness(held.store, options);
  const { chat, outlet, send } = harness;
  await createGroup(chat, "g1", ["alice", "bob", "carol"]);
  const say = (from: string, content = "hello") => send(from, { conversationId: "g1", content });
  const got = (userId: string) => outlet.bodies("message", userId).map(({ content }) => content);
  const confirmed = (userId: string, status: string) =>
    outlet
      .bodies("confirmation", userId)
      .filter((body) => body.status === status)
      .map(({ seq }) => seq);
  const storedMembers = async () =>
    (await held.inner.conversation("g1"))?.members.map(({ userId }) => userId);
  return { ...harness, held, say, got, confirmed, storedMembers };
}

/** The code of what the promise rejects with, or what it resolves with. */
function outcome(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => value ?? "done",
    (error: AppError) => error.code,
  );
}

const codes = (outcomes: readonly (AppError | null)[]) => outcomes.map((error) => error?.code);

describe("a group", () => {
  test("is there when its promise resolves, with an id of its own if none is given", async () => {
    const { chat, outlet, held } = await group();
    const created = await createGroup(chat, null, ["dave", "erin", "dave"]);
    expect(created).toMatchObject({ memberIds: ["dave", "erin"], isNew: true });
    expect(await held.inner.conversation(created.id)).toMatchObject({
      kind: "group",
      members: [{ userId: "dave" }, { userId: "erin" }],
    });
    expect(outlet.bodies("joined", "erin")).toEqual([{ conversationId: created.id }]);
  });

  test("gets messages, without a recipient, before it is on disk itself", async () => {
    const held = HeldStore.inMemory();
    const { chat, outlet, send } = chatHarness(held.store);
    held.isHolding = true;
    const created = outcome(createGroup(chat, "g1", ["alice", "bob"]));
    const outcomes = send("alice", { conversationId: "g1" });
    expect(outlet.bodies("message", "bob")).toMatchObject([{ seq: 1 }]);
    expect(outlet.bodies("message", "bob")[0]).not.toHaveProperty("recipientId");
    await held.release();
    expect(await created).toMatchObject({ id: "g1", isNew: true });
    await held.release();
    expect(outcomes).toEqual([null]);
  });

  test("may be asked for again, and is refused where the id stands for something else", async () => {
    const { chat, send } = await group();
    const again = createGroup(chat, "g1", ["carol", "bob", "alice"]);
    expect(await outcome(again)).toMatchObject({ id: "g1", isNew: false });
    const other = createGroup(chat, "g1", ["alice", "bob"]);
    expect(await outcome(other)).toBe("CONVERSATION_EXISTS");
    send("alice", { conversationId: "d1", recipientId: "bob" });
    const direct = createGroup(chat, "d1", ["alice", "bob"]);
    expect(await outcome(direct)).toBe("CONVERSATION_EXISTS");
  });

  test("that cannot be written was never there", async () => {
    const held = HeldStore.inMemory();
    const { chat, outlet, send } = chatHarness(held.store);
    held.isHolding = true;
    held.isFailing = true;
    const created = outcome(createGroup(chat, "g1", ["alice", "bob"]));
    const sent = send("alice", { conversationId: "g1" });
    await held.release();
    expect(await created).toBe("STORAGE_UNAVAILABLE");
    expect(codes(sent)).toEqual(["STORAGE_UNAVAILABLE"]);
    expect(outlet.of("left").map(({ to }) => to)).toEqual(["alice", "bob"]);
    expect(() => send("alice", { conversationId: "g1" })).toThrow("No conversation");
  });

  test("has no more members than it may", async () => {
    const { chat } = await group({ conversationMembers: 3 });
    expect(await outcome(chat.membership.add(SYSTEM, "g1", "dave"))).toBe("VALIDATION_FAILED");
    const large = createGroup(chat, "g2", ["a", "b", "c", "d"]);
    expect(await outcome(large)).toBe("VALIDATION_FAILED");
  });
});

describe("who was removed", () => {
  test("has no rights from the call on, before the disk knows", async () => {
    const { chat, held, say, outlet, storedMembers } = await group();
    say("alice");
    await settled();
    const [message] = await held.inner.history({ conversationId: "g1", limit: 1 });
    if (message === undefined) throw new Error("nothing was stored");
    held.isHolding = true;
    const removed = outcome(chat.membership.remove(SYSTEM, "g1", "bob"));
    expect(() => say("bob")).toThrow("No conversation g1");
    expect(() => chat.typing.set("bob", "g1", true)).toThrow("No conversation g1");
    expect(() => chat.receipts.read("bob", message.id, null)).toThrow("No message");
    expect(() => chat.conversations.findFor("bob", "g1")).toThrow("No conversation g1");
    expect(outlet.bodies("left", "bob")).toEqual([{ conversationId: "g1" }]);
    say("alice", "after");
    expect(outlet.bodies("message", "bob")).toHaveLength(1);
    expect(outlet.bodies("message", "carol")).toHaveLength(2);
    await held.release();
    expect(await removed).toBe("done");
    expect(await storedMembers()).toEqual(["alice", "carol"]);
  });

  test("may say so when there is nobody to remove; an unknown conversation is refused", async () => {
    const { chat } = await group();
    expect(await outcome(chat.membership.remove(SYSTEM, "g1", "mallory"))).toBe("done");
    expect(await outcome(chat.membership.remove(SYSTEM, "g2", "bob"))).toBe(
      "CONVERSATION_NOT_FOUND",
    );
    expect(await outcome(chat.membership.add(SYSTEM, "g2", "bob"))).toBe("CONVERSATION_NOT_FOUND");
  });

  test("is removed once; the second word waits for the disk as the first one does", async () => {
    const { chat, held } = await group();
    held.isHolding = true;
    const done: string[] = [];
    for (const nth of ["first", "second"]) {
      void chat.membership.remove(SYSTEM, "g1", "bob").then(() => done.push(nth));
    }
    await settled();
    expect(done).toEqual([]);
    await held.release();
    expect(done).toEqual(["first"]);
    await held.release();
    expect(done).toEqual(["first", "second"]);
  });

  test("is not typing any more", async () => {
    const { chat, outlet, clock } = await group();
    chat.typing.set("bob", "g1", true);
    await chat.membership.remove(SYSTEM, "g1", "bob");
    clock.advance(60_000);
    expect(outlet.bodies("typing", "g1").map(({ isTyping }) => isTyping)).toEqual([true, false]);
  });

  test("does not get a message that waited for the disk", async () => {
    const { chat, held, say, got } = await group({ delivery: "durable" });
    held.isHolding = true;
    say("alice", "held back");
    const removed = outcome(chat.membership.remove(SYSTEM, "g1", "bob"));
    await held.release();
    await held.release();
    expect(await removed).toBe("done");
    expect(got("bob")).toEqual([]);
    expect(got("carol")).toEqual(["held back"]);
  });

  test("hears no more of their own messages, but the answer to a repeat", async () => {
    const { chat, send, held, outlet, confirmed } = await group();
    const mine = { conversationId: "g1", clientMessageId: "m1" };
    send("bob", mine);
    await settled();
    const [message] = await held.inner.history({ conversationId: "g1", limit: 1 });
    if (message === undefined) throw new Error("nothing was stored");
    await chat.membership.remove(SYSTEM, "g1", "bob");
    for (const reader of ["alice", "carol"]) {
      await chat.receipts.delivered(reader, message);
      await chat.receipts.read(reader, message.id, null);
    }
    await settled();
    expect(send("bob", mine)).toEqual([null]);
    expect(confirmed("bob", "SENT")).toEqual([1, 1]);
    expect(confirmed("bob", "DELIVERED")).toEqual([]);
    expect(outlet.bodies("receipt", "bob")).toEqual([]);
  });

  test("is not waited for: what only they had not received is DELIVERED, and told once", async () => {
    const { chat, held, say, confirmed } = await group();
    for (const content of numbers(1, 3)) say("alice", content);
    await settled();
    const stored = await held.inner.history({ conversationId: "g1", limit: 3 });
    const [first, second] = stored;
    if (first === undefined || second === undefined) throw new Error("nothing was stored");
    await chat.receipts.delivered("bob", first);
    await chat.receipts.delivered("carol", second);
    await settled();
    expect(confirmed("alice", "DELIVERED")).toEqual([]);
    await chat.receipts.delivered("carol", first);
    await chat.membership.remove(SYSTEM, "g1", "bob");
    await settled();
    expect(confirmed("alice", "DELIVERED")).toEqual([2]);
    say("alice", "4");
    for (const message of await held.inner.history({ conversationId: "g1", afterSeq: 2, limit: 9 }))
      await chat.receipts.delivered("carol", message);
    await settled();
    expect(confirmed("alice", "DELIVERED")).toEqual([2, 3, 4]);
  });

  test("leaves nobody behind to whom a message could be delivered", async () => {
    const { chat, say, confirmed } = await group();
    await chat.membership.remove(SYSTEM, "g1", "bob");
    say("alice");
    await chat.membership.remove(SYSTEM, "g1", "carol");
    await settled();
    expect(confirmed("alice", "DELIVERED")).toEqual([]);
    expect(chat.conversations.peek("g1")?.isReadByAllBut("alice", 1)).toBe(false);
  });

  test("of a direct conversation leaves it to the other one, who writes to nobody", async () => {
    const { chat, send, outlet } = await group();
    send("alice", { conversationId: "d1", recipientId: "bob" });
    await chat.membership.remove(SYSTEM, "d1", "bob");
    expect(() => send("bob", { conversationId: "d1" })).toThrow("No conversation d1");
    expect(() => send("bob", { conversationId: "d1", recipientId: "alice" })).toThrow(
      "No conversation d1",
    );
    send("alice", { conversationId: "d1" });
    expect(outlet.bodies("message", "bob")).toHaveLength(1);
    expect(() => send("alice", { conversationId: "d1", recipientId: "bob" })).toThrow(
      "recipientId",
    );
    await chat.membership.add(SYSTEM, "d1", "bob");
    expect(await outcome(chat.membership.add(SYSTEM, "d1", "carol"))).toBe("VALIDATION_FAILED");
  });
});

describe("a replay under way", () => {
  test("stops where the user was removed", async () => {
    const { chat, say, held } = await group();
    for (const content of numbers(1, 150)) say("alice", content);
    await settled();
    const device = new Device(chat);
    device.pace = () => {
      if (device.got.length === 3) void chat.membership.remove(SYSTEM, "g1", "bob");
      return null;
    };
    const sync = syncFrom({ g1: 0 });
    await device.subscribes(sync);
    expect(device.got).toEqual(["1", "2", "3"]);
    expect(device.isLive).toBe(true);
    expect(sync.outcome().conversations.get("g1")).toBeNull();
    expect(await held.inner.backlog("bob")).toEqual([]);
  });

  test("gives nothing of what was held for it, nor of what is not on disk", async () => {
    const { chat, say, held } = await group();
    say("alice", "1");
    await settled();
    held.isHolding = true;
    say("alice", "2, not on disk");
    const device = new Device(chat);
    const gate = Promise.withResolvers<void>();
    device.pace = () => (device.got.length === 0 ? gate.promise : null);
    const replayed = device.subscribes(syncFrom({}));
    await settled();
    say("alice", "3, held");
    for (const message of chat.journal.uncommitted()) device.live(message);
    const removed = outcome(chat.membership.remove(SYSTEM, "g1", "bob"));
    gate.resolve();
    await replayed;
    expect(device.got).toEqual([]);
    await held.release();
    await held.release();
    expect(await removed).toBe("done");
  });

  test("names no conversation that the user has left, also before the disk knows", async () => {
    const { chat, say, held } = await group();
    say("alice", "1");
    await settled();
    held.isHolding = true;
    void outcome(chat.membership.remove(SYSTEM, "g1", "bob"));
    const device = new Device(chat);
    const sync = syncFrom({});
    await device.subscribes(sync);
    expect(device.got).toEqual([]);
    expect(sync.outcome().others.size).toBe(0);
  });
});

describe("who joins", () => {
  test("is shown what comes from now on, and nothing before it", async () => {
    const { chat, say, got, held } = await group();
    for (const content of numbers(1, 3)) say("alice", content);
    await settled();
    const [, , third] = await held.inner.history({ conversationId: "g1", limit: 3 });
    if (third === undefined) throw new Error("nothing was stored");
    await chat.membership.add(SYSTEM, "g1", "dave");
    expect(() => chat.receipts.read("dave", third.id, null)).toThrow("No message");
    say("alice", "4");
    expect(got("dave")).toEqual(["4"]);
    expect(await held.inner.conversation("g1")).toMatchObject({
      members: [{}, {}, {}, { userId: "dave", joinedSeq: 3 }],
    });
  });

  test("again, is not shown what was said before, live, held back or by replay", async () => {
    const { chat, say, held, got } = await group({ delivery: "durable" });
    say("alice", "1");
    await settled();
    await chat.membership.remove(SYSTEM, "g1", "bob");
    held.isHolding = true;
    say("alice", "2, while bob is gone");
    const added = outcome(chat.membership.add(SYSTEM, "g1", "bob"));
    await held.release();
    await held.release();
    expect(await added).toBe("done");
    held.isHolding = false;
    say("alice", "3");
    await settled();
    expect(got("bob")).toEqual(["1", "3"]);
    const device = new Device(chat);
    await device.subscribes();
    expect(device.got).toEqual(["3"]);
    const sync = syncFrom({ g1: 1 });
    await device.syncs(sync);
    expect(sync.outcome().conversations.get("g1")).toMatchObject({ seq: 3, resync: true });
    expect(device.got).toEqual(["3"]);
  });

  test("does not count for what was sent before", async () => {
    const { chat, say, held, confirmed } = await group();
    say("alice");
    await settled();
    await chat.membership.add(SYSTEM, "g1", "dave");
    const [first] = await held.inner.history({ conversationId: "g1", limit: 1 });
    if (first === undefined) throw new Error("nothing was stored");
    for (const userId of ["bob", "carol"]) await chat.receipts.delivered(userId, first);
    await settled();
    expect(confirmed("alice", "DELIVERED")).toEqual([1]);
  });

  test("and leaves and joins within one commit is a member, anew", async () => {
    const { chat, say, held, storedMembers } = await group();
    held.isHolding = true;
    say("alice", "under way");
    const changes = [
      chat.membership.remove(SYSTEM, "g1", "bob"),
      chat.membership.add(SYSTEM, "g1", "dave"),
      chat.membership.add(SYSTEM, "g1", "bob"),
      chat.membership.remove(SYSTEM, "g1", "dave"),
    ];
    await held.release();
    await held.release();
    await Promise.all(changes);
    expect(await storedMembers()).toEqual(["alice", "carol", "bob"]);
    expect([...(chat.conversations.peek("g1")?.members.keys() ?? [])]).toEqual(
      (await storedMembers()) ?? [],
    );
  });
});

describe("a change that cannot be written", () => {
  test("is undone and says so: who was removed is a member again, and comes again", async () => {
    const { chat, held, say, outlet, storedMembers } = await group();
    held.isHolding = true;
    held.isFailing = true;
    const removed = outcome(chat.membership.remove(SYSTEM, "g1", "bob"));
    expect(() => say("bob")).toThrow("No conversation g1");
    await held.release();
    expect(await removed).toBe("STORAGE_UNAVAILABLE");
    expect(outlet.bodies("returned", "bob")).toEqual([{ conversationId: "g1" }]);
    held.isFailing = false;
    held.isHolding = false;
    expect(say("bob")).toEqual([]);
    await settled();
    expect(await storedMembers()).toEqual(["alice", "bob", "carol"]);
    expect(outlet.bodies("message", "alice")).toHaveLength(1);
  });

  test("takes the rights of who was added, and of all that came behind it", async () => {
    const { chat, held, say, outlet } = await group();
    held.isHolding = true;
    held.isFailing = true;
    const changes = [
      chat.membership.add(SYSTEM, "g1", "dave"),
      chat.membership.remove(SYSTEM, "g1", "dave"),
    ];
    changes.push(chat.membership.remove(SYSTEM, "g1", "bob"));
    const outcomes = changes.map(outcome);
    await held.release();
    expect(await Promise.all(outcomes)).toEqual([
      ...["STORAGE_UNAVAILABLE", "STORAGE_UNAVAILABLE", "STORAGE_UNAVAILABLE"],
    ]);
    expect(() => say("dave")).toThrow("No conversation g1");
    expect(outlet.bodies("left", "dave")).not.toEqual([]);
    expect(chat.conversations.peek("g1")?.members.has("bob")).toBe(true);
  });

  test("of who joined behind messages that are lost too, hides none of those sent instead", async () => {
    const { chat, held, say, got } = await group();
    held.isHolding = true;
    held.isFailing = true;
    say("alice", "lost");
    const lost = outcome(chat.membership.add(SYSTEM, "g1", "dave"));
    await held.release();
    expect(await lost).toBe("STORAGE_UNAVAILABLE");
    held.isFailing = false;
    held.isHolding = false;
    await chat.membership.add(SYSTEM, "g1", "dave");
    say("alice", "seq 1 again");
    expect(got("dave")).toEqual(["seq 1 again"]);
  });

  test("holds where a message beside it clashes: that alone is refused", async () => {
    const { chat, held, say, storedMembers, send } = await group();
    send("alice", { conversationId: "g1", clientMessageId: "known" });
    await settled();
    // The store has what this server does not know of: the next seq is taken.
    const [first] = await held.inner.history({ conversationId: "g1", limit: 1 });
    if (first === undefined) throw new Error("nothing was stored");
    const foreign = { ...first, id: "foreign", seq: 2, clientMessageId: null };
    await held.inner.commit(batch({ messages: [foreign] }));
    held.isHolding = true;
    say("carol", "under way");
    const removed = outcome(chat.membership.remove(SYSTEM, "g1", "bob"));
    await held.release();
    await held.release();
    expect(await removed).toBe("done");
    expect(await storedMembers()).toEqual(["alice", "carol"]);
  });
});

test("members are as they were after a restart", async () => {
  const store = new MemoryChatStore();
  const before = chatHarness(store);
  await createGroup(before.chat, "g1", ["alice", "bob"]);
  before.send("alice", { conversationId: "g1" });
  await before.chat.membership.remove(SYSTEM, "g1", "bob");
  await before.chat.membership.add(SYSTEM, "g1", "carol");
  await before.chat.stop();
  const { send, outlet } = chatHarness(store);
  expect(() => send("bob", { conversationId: "g1" })).toThrow("No conversation g1");
  send("alice", { conversationId: "g1" });
  expect(outlet.bodies("message", "carol")).toMatchObject([{ seq: 2 }]);
});
