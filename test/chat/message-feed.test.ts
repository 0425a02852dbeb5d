import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { SYSTEM } from "../../src/chat/actor.ts";
import { FIRST_POSITION } from "../../src/chat/message-feed.ts";
import { MissedMessages, seqAt } from "../../src/chat/missed-messages.ts";
import { ascendingUuids } from "../../src/ids.ts";
import { MemoryChatStore } from "../../src/storage/memory-chat-store.ts";
import { createGroup } from "../support/chat-harness.ts";
import { Life, Reader } from "../support/feed-reader.ts";
import { HeldStore, settled } from "../support/held-store.ts";
import { batch, conversation, message } from "../support/stored.ts";

const ROOMS = ["c1", "c2", "c3"] as const;

describe("a feed of messages", () => {
  async function served(isDeferred = false) {
    const life = new Life(HeldStore.inMemory(), { isDeferred, tellsEvents: false });
    for (const room of ROOMS) await createGroup(life.harness.chat, room, ["alice", "bob"]);
    const got: unknown[] = [];
    const reader = (position: string | null) =>
      new Reader(life, position, (_, body) => {
        const { content, replay } = JSON.parse(body);
        got.push(replay === true ? [content, "replay"] : content);
      });
    return { life, got, reader };
  }

  test("shows a message when it is on disk, and not before", async () => {
    const { life, got, reader } = await served();
    await reader(FIRST_POSITION).start();
    life.held.isHolding = true;
    life.send("alice", "c1", "on its way");
    await settled();
    expect(got).toEqual([]);
    await life.held.release();
    expect(got).toEqual(["on its way"]);
  });

  test("brings what came in great number, and was committed, while its reader caught up", async () => {
    const { life, got, reader } = await served();
    for (let count = 0; count < 3; count += 1) life.send("alice", "c1", "before");
    await settled();
    const opened = reader(FIRST_POSITION);
    let isDone = false;
    opened.pace = () => {
      if (isDone) return null;
      isDone = true;
      for (let count = 0; count < 1_500; count += 1) life.send("alice", "c2", "meanwhile");
      return settled();
    };
    await opened.start();
    expect(life.harness.chat.journal.uncommittedCount).toBe(0);
    const ofC2 = got.filter((one) => String(one).startsWith("meanwhile"));
    expect(ofC2).toHaveLength(1_500);
  });

  test("brings once what is committed in the moment when its reader begins", async () => {
    const { life, got, reader } = await served(true);
    life.held.isHolding = true;
    life.send("alice", "c1", "now");
    await settled();
    const started = reader(FIRST_POSITION).start();
    await life.held.release();
    await started;
    life.send("alice", "c1", "then");
    await settled();
    await life.held.release();
    expect(got).toEqual([["now", "replay"], "then"]);
  });

  test("hands no more to a reader that has gone", async () => {
    const { life, got, reader } = await served();
    const opened = reader(FIRST_POSITION);
    await opened.start();
    life.held.isHolding = true;
    life.send("alice", "c1", "first");
    await life.held.release();
    life.send("alice", "c1", "second");
    life.send("alice", "c1", "third");
    const { take } = opened;
    opened.take = (sent, body) => {
      take.call(opened, sent, body);
      opened.isOpen = false;
    };
    while (life.held.isCommitting) await life.held.release();
    expect(got).toEqual(["first", "second"]);
  });

  test("never shows one that the store refused", async () => {
    const { life, got, reader } = await served();
    await reader(FIRST_POSITION).start();
    life.held.isHolding = true;
    life.held.isFailing = true;
    life.send("alice", "c1", "lost");
    await life.held.release();
    life.held.isFailing = false;
    life.harness.clock.advance(10_000);
    await settled();
    life.send("alice", "c1", "kept");
    while (life.held.isCommitting) await life.held.release();
    expect(got).toEqual(["kept"]);
  });

  test("without a position begins with what no device of the user's has, but for their own", async () => {
    const { life, got, reader } = await served();
    life.send("alice", "c1", "received");
    await settled();
    const [received] = await life.held.inner.history({ conversationId: "c1", limit: 1 });
    if (received !== undefined) await life.harness.chat.receipts.delivered("bob", received);
    life.send("alice", "c2", "first");
    life.send("bob", "c2", "of bob's own");
    life.send("alice", "c1", "second");
    await settled();
    await reader(null).start();
    expect(got).toEqual([
      ["first", "replay"],
      ["second", "replay"],
    ]);
  });

  test("says what a position means that is ahead of what is known as received", async () => {
    const { life, got, reader } = await served();
    for (const room of ROOMS) life.send("alice", room, `in ${room}`);
    life.send("bob", "c2", "of bob's own");
    await settled();
    const [second] = await life.held.inner.history({ conversationId: "c2", limit: 1 });
    const resumed = reader(second?.id ?? null);
    await resumed.start();
    expect(resumed.known.map(({ content }) => content)).toEqual(["in c1", "in c2", "in c3"]);
    expect(got).toEqual([]);
  });

  test("tells its reader of no id that is not one of the user's messages", async () => {
    const { life, reader } = await served();
    await createGroup(life.harness.chat, "others", ["alice", "carol"]);
    life.send("alice", "c1", "for bob");
    await settled();
    const [own] = life.held.inner.history({ conversationId: "c1", limit: 1 });
    life.send("alice", "others", "for carol");
    await settled();
    for (const position of [null, "ffffffff-ffff-ffff-ffff-ffffffffffff", own?.id ?? null]) {
      const opened = reader(position);
      await opened.start();
      expect(opened.position).toBe(own?.id ?? "");
    }
    const fresh = reader(FIRST_POSITION);
    await fresh.start();
    expect(fresh.position).toBe(own?.id ?? "");
  });

  test("tells nothing of a position that is not of the user's messages, also between others", async () => {
    const { life, reader } = await served();
    await createGroup(life.harness.chat, "others", ["alice", "carol"]);
    life.send("alice", "c1", "for bob");
    life.send("alice", "others", "for carol");
    life.send("alice", "others", "for carol too");
    await settled();
    const [own] = life.held.inner.history({ conversationId: "c1", limit: 1 });
    const foreign = life.held.inner.history({ conversationId: "others", limit: 2 });
    const between = `${foreign[0]?.id.slice(0, -1)}g`; // Above the first, and below the second.
    for (const position of [foreign[0]?.id, between, foreign[1]?.id, `${foreign[1]?.id}0`]) {
      const opened = reader(position ?? null);
      await opened.start();
      expect(opened.position).toBe(own?.id ?? "");
    }
  });

  /** A reader that waits before it takes the message after so many, until `goOn` is called. */
  function waitingAfter(count: number, opened: Reader, taken: readonly unknown[]) {
    const { promise, resolve } = Promise.withResolvers<void>();
    opened.pace = () => {
      if (taken.length !== count) return null;
      opened.pace = () => null;
      opened.hasRoom = true;
      return promise;
    };
    return { goOn: resolve };
  }

  const idOf = (life: Life, conversationId: string) =>
    life.held.inner.history({ conversationId, limit: 1 })[0]?.id ?? "";

  const DELETION = "System deleted a message";

  /** Of each room the last message is to say nothing any more. */
  async function takeBack(life: Life) {
    const { messageChanges, membership } = life.harness.chat;
    await messageChanges.delete(SYSTEM, idOf(life, "c1"));
    await membership.remove(SYSTEM, "c2", "bob");
    life.harness.clock.advance(60_000); // See `sendThree`.
    await settled();
  }

  async function sendThree(life: Life) {
    life.send("alice", "c1", "deleted since");
    life.send("alice", "c2", "of a group that bob has been removed from");
    life.harness.send("alice", {
      ...{ conversationId: "c3", content: "disappeared since", disappearAfterSeconds: 60 },
    });
    await settled();
  }

  for (const isDeferred of [false, true]) {
    const late = isDeferred ? ", from a store that answers late" : "";

    test(`shows nothing that was taken back while its reader waited to be given it${late}`, async () => {
      const { life, got, reader } = await served(isDeferred);
      for (let count = 0; count < 4; count += 1) {
        for (const room of ROOMS) life.send("alice", room, "before");
      }
      await settled();
      await sendThree(life);
      const opened = reader(FIRST_POSITION);
      const { goOn } = waitingAfter(11, opened, got);
      const started = opened.start();
      while (got.length < 11) await settled();
      await takeBack(life);
      goOn();
      await started;
      const before = Array.from({ length: 12 }, () => ["before", "replay"]);
      const erased = ["", "replay"];
      // The twelfth was said in c3.
      expect(got).toEqual([...before, erased, erased, DELETION]);
    });

    test(`shows nothing that was taken back while it was held${late}`, async () => {
      const { life, got, reader } = await served(isDeferred);
      life.send("alice", "c1", "before");
      await settled();
      const opened = reader(FIRST_POSITION);
      const { goOn } = waitingAfter(0, opened, got);
      const started = opened.start();
      await settled();
      await sendThree(life);
      await takeBack(life);
      goOn();
      await started;
      await settled();
      expect(got).toEqual([["before", "replay"], "", "", DELETION]);
      expect(opened.feed.heldBytes).toBe(0);
    });

    test(`shows nothing that was taken back while its reader, who was live, had no room${late}`, async () => {
      const { life, got, reader } = await served(isDeferred);
      const opened = reader(FIRST_POSITION);
      await opened.start();
      opened.hasRoom = false;
      const { goOn } = waitingAfter(0, opened, got);
      await sendThree(life);
      await takeBack(life);
      expect(opened.feed.heldBytes).toBeGreaterThan(0);
      goOn();
      await settled();
      life.send("alice", "c1", "live again");
      for (let turn = 0; turn < 10; turn += 1) await settled();
      expect(got).toEqual(["", "", DELETION, "live again"]);
      expect(opened.feed.heldBytes).toBe(0);
      expect(opened.caughtUpTimes).toBe(1);
    });
  }

  test("tells who was removed of it, and of nothing else there", async () => {
    const life = new Life(HeldStore.inMemory(), { isDeferred: false, tellsEvents: true });
    await createGroup(life.harness.chat, "c1", ["alice", "bob", "carol"]);
    await settled();
    const got: unknown[] = [];
    const opened = new Reader(life, null, (_, body) => got.push(JSON.parse(body)));
    await opened.start();
    got.length = 0;
    opened.hasRoom = false;
    const { goOn } = waitingAfter(0, opened, got);
    life.send("alice", "c1", "not for bob");
    const { membership } = life.harness.chat;
    await membership.remove(SYSTEM, "c1", "bob");
    await membership.remove(SYSTEM, "c1", "carol");
    goOn();
    await settled();
    expect(got).toMatchObject([{ type: "MEMBER_REMOVED", event: { userId: "bob" } }]);
  });

  test("that has been live shows what comes in great number as it happens, and is ready once", async () => {
    const { life, got, reader } = await served();
    life.send("alice", "c1", "missed");
    await settled();
    const opened = reader(FIRST_POSITION);
    await opened.start();
    life.held.isHolding = true;
    const contents = Array.from({ length: 1_100 }, (_, index) => `${index}`);
    for (const content of contents) life.send("alice", "c2", content);
    while (life.held.isCommitting) await life.held.release();
    for (let turn = 0; turn < 100 && got.length < 1_101; turn += 1) await settled();
    expect(got).toEqual([["missed", "replay"], ...contents]);
    expect(opened.caughtUpTimes).toBe(1);
  });

  test("reads little ahead of large messages, and keeps nothing while its reader waits", async () => {
    const store = new MemoryChatStore();
    const ids = ["room-1", "room-2", "room-3"];
    const newId = ascendingUuids(null);
    const content = "x".repeat(100_000);
    const all = Array.from({ length: 60 }, (_, index) => {
      const conversationId = ids[index % ids.length] ?? "";
      return message(1 + Math.floor(index / ids.length), { conversationId, id: newId(), content });
    });
    await store.commit(batch({ conversations: ids.map((id) => conversation(id)), messages: all }));
    const life = new Life(HeldStore.over(store), { isDeferred: false, tellsEvents: false });
    const taken: string[] = [];
    let most = 0;
    const reader: Reader = new Reader(life, FIRST_POSITION, ({ id }) => {
      taken.push(id);
      most = Math.max(most, reader.feed.heldBytes);
    });
    const { goOn } = waitingAfter(30, reader, taken);
    const started = reader.start();
    while (taken.length < 30) await settled();
    await settled();
    expect(reader.feed.heldBytes).toBe(0);
    goOn();
    await started;
    expect(taken).toEqual(all.map(({ id }) => id));
    expect(most).toBeGreaterThan(0);
    // Of one more it is known only when it has been read that it does not fit.
    expect(most).toBeLessThanOrEqual(128 * 1_024 + content.length);
  });

  test("takes a position of the future for the present one", async () => {
    const { life, got, reader } = await served();
    life.send("alice", "c1", "there before");
    await settled();
    await reader("ffffffff-ffff-ffff-ffff-ffffffffffff").start();
    life.send("alice", "c1", "new");
    await settled();
    expect(got).toEqual(["new"]);
  });

  test("leaves out what was said before the user came, and after they had left", async () => {
    const { life, got, reader } = await served();
    const { membership } = life.harness.chat;
    await createGroup(life.harness.chat, "club", ["alice"]);
    life.send("alice", "club", "before");
    await settled();
    await membership.add(SYSTEM, "club", "bob");
    life.send("alice", "club", "while");
    await settled();
    await reader(FIRST_POSITION).start();
    expect(got).toEqual([["while", "replay"]]);
    await membership.remove(SYSTEM, "club", "bob");
    got.length = 0;
    await reader(FIRST_POSITION).start();
    expect(got).toEqual([]);
  });

  test("gives others their turn while it reads many conversations, and misses nothing of what comes then", async () => {
    const store = new MemoryChatStore();
    const ids = Array.from({ length: 400 }, (_, index) => `room-${index}`);
    const newId = ascendingUuids(null);
    const sayAll = (seq: number) =>
      ids.map((conversationId) => message(seq, { conversationId, id: newId() }));
    const [firsts, seconds] = [sayAll(1), sayAll(2)];
    const conversations = ids.map((id) => conversation(id));
    await store.commit(batch({ conversations, messages: [...firsts, ...seconds] }));
    let reads = 0;
    const counted = new Proxy(store, {
      get(target, name) {
        reads += 1;
        const found: unknown = Reflect.get(target, name, target);
        return typeof found === "function" ? found.bind(target) : found;
      },
    });
    const life = new Life(HeldStore.over(counted), { isDeferred: false, tellsEvents: false });
    const taken: string[] = [];
    const position = firsts[199]?.id ?? "";
    const reader = new Reader(life, position, ({ id }) => taken.push(id));
    let isDone = false;
    let [most, turns] = [0, 0];
    const started = reader.start().then(() => {
      isDone = true;
    });
    for (; !isDone; turns += 1) {
      most = Math.max(most, reads);
      const rooms = [ids[(turns * 37) % ids.length] ?? "", ...(turns > 20 ? ["among others"] : [])];
      if (turns === 20) await createGroup(life.harness.chat, "among others", ["alice", "bob"]);
      if (turns < 60) for (const room of rooms) life.send("alice", room, "meanwhile");
      reads = 0;
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    await started;
    await settled();
    const all = [...ids, "among others"].flatMap((conversationId) =>
      store.history({ conversationId, afterSeq: 0, limit: 1_000 }),
    );
    const missed = all.map(({ id }) => id).filter((id) => id > position);
    expect(missed.length).toBeGreaterThan(660);
    expect(taken).toEqual(missed.toSorted());
    expect(turns).toBeGreaterThan(60);
    expect(most).toBeLessThan(500);
  });

  test("reads little of many conversations, and waits for its reader", async () => {
    const store = new MemoryChatStore();
    const ids = Array.from({ length: 500 }, (_, index) => `room-${index}`);
    const newId = ascendingUuids(null);
    const firsts = ids.map((conversationId) => message(1, { conversationId, id: newId() }));
    const seconds = ids.map((conversationId) => message(2, { conversationId, id: newId() }));
    await store.commit(
      batch({
        conversations: ids.map((id) => conversation(id)),
        messages: [...firsts, ...seconds],
      }),
    );
    const life = new Life(HeldStore.over(store), { isDeferred: false, tellsEvents: false });
    let most = 0;
    const taken: string[] = [];
    const reader = new Reader(life, firsts[99]?.id ?? null, ({ id }) => taken.push(id));
    let room = Promise.withResolvers<void>();
    reader.pace = () => {
      most = Math.max(most, taken.length);
      return taken.length === 250 && most < 300 ? room.promise : null;
    };
    const started = reader.start();
    while (taken.length < 250) await settled();
    await settled();
    expect(taken).toHaveLength(250);
    most = 300;
    room.resolve();
    room = Promise.withResolvers();
    await started;
    expect(taken).toEqual([...firsts.slice(100), ...seconds].map(({ id }) => id));
  });
});

test("of messages that are removed before their turn the others are left, in order", async () => {
  const store = new MemoryChatStore();
  const newId = ascendingUuids(null);
  const ids = Array.from({ length: 100 }, (_, index) => `room-${index}`);
  const firsts = ids.map((conversationId) => message(1, { conversationId, id: newId() }));
  const seconds = ids.map((conversationId) => message(2, { conversationId, id: newId() }));
  const conversations = ids.map((id) => conversation(id));
  await store.commit(batch({ conversations, messages: [...firsts, ...seconds] }));
  const missed = new MissedMessages(store, seconds[89]?.id ?? "");
  for (const id of ids) await missed.add(id, 0);
  const rule = { beforeMs: null, keepLast: 1, after: null, limit: 1_000 };
  expect((await store.removeExpired(rule)).removed).toBe(100);
  const taken: string[] = [];
  for (let next = await missed.take(); next !== null; next = await missed.take()) {
    taken.push(next.id);
  }
  // Of the first ones, those that had been read.
  const left = taken.filter((id) => !firsts.some((first) => first.id === id));
  expect(left).toEqual(seconds.slice(0, 90).map(({ id }) => id));
  expect(taken).toEqual(taken.toSorted());
});

test("the seq of a position is found in a conversation with holes", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 60 }),
      fc.integer({ min: 0, max: 60 }),
      fc.integer({ min: 0, max: 60 }),
      async (count, removed, at) => {
        const idOf = (seq: number) => `${seq}`.padStart(3, "0");
        const store = new MemoryChatStore();
        const all = Array.from({ length: count }, (_, index) =>
          message(index + 1, { id: idOf(index + 1) }),
        );
        await store.commit(batch({ conversations: [conversation()], messages: all }));
        const query = { beforeMs: null, keepLast: Math.max(1, count - removed), after: null };
        await store.removeExpired({ ...query, limit: 100 });
        const head = { conversationId: "chat", lastSeq: count };
        const seq = await seqAt(store, head, idOf(at));
        const following = store.history({ conversationId: "chat", afterSeq: seq, limit: 100 });
        const above = store
          .history({ conversationId: "chat", afterSeq: 0, limit: 100 })
          .filter(({ id }) => id > idOf(at));
        expect(following).toEqual(above);
      },
    ),
  );
});
