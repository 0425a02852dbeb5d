import { describe, expect, test } from "bun:test";
import { SYSTEM } from "../../src/chat/actor.ts";
import type { ChatOptions } from "../../src/chat/chat.ts";
import { ERASED_NAME } from "../../src/chat/erased.ts";
import type { Erasure, ErasureStore } from "../../src/chat/user-ports.ts";
import type { MaybePromise } from "../../src/maybe-promise.ts";
import { MemoryChatStore } from "../../src/storage/memory-chat-store.ts";
import { MemoryErasureStore } from "../../src/storage/memory-erasure-store.ts";
import { MemoryInviteStore } from "../../src/storage/memory-invite-store.ts";
import { chatHarness, createGroup } from "../support/chat-harness.ts";
import { settled } from "../support/held-store.ts";
import { refusalOf } from "../support/refusal.ts";

const alice = { userId: "alice", name: "Alice" };
const group = { title: null, picture: null, disappearAfterSeconds: null, ownerId: null };

function setUp(options: Partial<ChatOptions> = {}) {
  const store = new MemoryChatStore();
  const invites = new MemoryInviteStore();
  const erasures = new MemoryErasureStore(store, invites);
  const lockedOut: string[] = [];
  const harness = chatHarness(store, {
    ...{ tellsEvents: true, invites, erasures },
    lockOut: async (userId) => {
      lockedOut.push(userId);
    },
    ...options,
  });
  /** Lets time pass until the user is gone. */
  const done = async (userId = "alice") => {
    for (let step = 0; step < 1_000; step += 1) {
      await settled();
      if (erasures.erasure(userId)?.doneMs !== null) return;
      harness.clock.advance(10);
    }
    throw new Error(`${userId} is not erased`);
  };
  return { ...harness, store, invites, erasures, lockedOut, done };
}

describe("the removal of a user", () => {
  test("locks them out at once, and is their own or the back end's to ask for", async () => {
    const { chat, lockedOut, done } = setUp();
    const other = { userId: "eve", name: "Eve" };
    expect(await refusalOf(() => chat.erasures.request(other, "alice", false))).toBe(
      "NOT_PERMITTED",
    );
    chat.erasures.assertNone("alice");
    const erasure = await chat.erasures.request(alice, "alice", false);
    expect(erasure).toMatchObject({ userId: "alice", doneMs: null, keepsMessages: false });
    expect(lockedOut).toContain("alice");
    expect(await refusalOf(() => chat.erasures.assertNone("alice"))).toBe("USER_BEING_ERASED");
    const change = () => chat.users.change(SYSTEM, "alice", { name: "x" });
    expect(await refusalOf(change)).toBe("USER_BEING_ERASED");
    await done();
    await settled();
    chat.erasures.assertNone("alice"); // Somebody new may have the id.
    expect((await chat.erasures.of("alice"))?.doneMs).toBeNumber();
  });

  test("takes what they said from everybody, and tells each conversation by one event", async () => {
    const { chat, send, outlet, store, done } = setUp();
    send("alice", { conversationId: "direct", recipientId: "bob", content: "secret" });
    await createGroup(chat, "team", ["alice", "bob", "carol"]);
    for (let n = 0; n < 3; n += 1) send("alice", { conversationId: "team", content: "secret" });
    await settled();
    await chat.erasures.request(alice, "alice", false);
    await done();
    const events = outlet.bodies("message", "bob").filter(({ type }) => type === "USER_ERASED");
    const event = { userId: "alice", messages: "erased" };
    expect(events.map(({ conversationId }) => conversationId)).toEqual(["direct", "team"]);
    for (const told of events) expect(told).toMatchObject({ senderId: SYSTEM.userId, event });
    for (const conversationId of ["direct", "team"]) {
      const messages = store.history({ conversationId, limit: 100 });
      expect(JSON.stringify(messages)).not.toContain("secret");
      expect(messages.map(({ seq }) => seq)).toEqual(messages.map((_, index) => index + 1));
      const own = messages.filter(({ senderId }) => senderId === "alice");
      expect(own.every(({ senderName }) => senderName === ERASED_NAME)).toBe(true);
    }
  });

  test("leaves groups, of which another has what was theirs; direct conversations stay", async () => {
    const { chat, send, outlet, store, done } = setUp();
    const memberIds = ["bob", "carol"];
    await chat.membership.create(alice, { id: "team", memberIds, ...group });
    send("alice", { conversationId: "direct", recipientId: "bob" });
    await settled();
    await chat.erasures.request(SYSTEM, "alice", false);
    await done();
    expect(store.conversation("team")?.members).toMatchObject([
      { userId: "bob", role: "owner" },
      { userId: "carol", role: "member" },
    ]);
    expect(chat.conversations.peek("team")?.members.has("alice")).toBe(false);
    const told = outlet.bodies("message", "carol").map(({ type, content }) => [type, content]);
    expect(told).toContainEqual(["MEMBER_LEFT", `${ERASED_NAME} left`]);
    expect(told).toContainEqual(["ROLE_CHANGED", "System made bob an owner"]);
    const { members = [], lastSeq } = store.conversation("direct") ?? {};
    expect(members.map(({ userId }) => userId)).toEqual(["alice", "bob"]);
    // Whoever has the id next has nothing of it.
    expect(members[0]).toMatchObject({ joinedSeq: lastSeq, deliveredSeq: lastSeq });
    expect(chat.conversations.peek("direct")?.isFor("alice", lastSeq ?? 0)).toBe(false);
    expect(chat.conversations.peek("direct")?.isFor("bob", 1)).toBe(true);
  });

  test("ends blocks both ways, and forgets the profile and when they were there", async () => {
    const { chat, store, clock, done } = setUp();
    chat.presence.connected("alice", "Alice");
    await settled();
    await chat.users.change(alice, "alice", { name: "Ally" });
    await chat.blocks.block("alice", "bob");
    await chat.blocks.block("carol", "alice");
    await chat.erasures.request(alice, "alice", false);
    await done();
    // Her last connection's end is noticed late.
    chat.presence.disconnected("alice");
    clock.advance(60_000);
    await settled();
    expect([chat.blocks.of("alice"), chat.blocks.of("carol")]).toEqual([[], []]);
    expect(store.users(["alice"])).toEqual([]);
    expect(await chat.users.known(SYSTEM, ["alice"])).toEqual([]);
    expect(chat.presence.isHere("alice")).toBe(false);
  });

  test("is gone on with by the next server, from where this one left off", async () => {
    const first = setUp();
    for (let n = 0; n < 500; n += 1) {
      first.send("alice", { conversationId: "direct", recipientId: "bob", content: "secret" });
      if (n % 100 === 0) await settled();
    }
    await settled();
    await first.chat.erasures.request(alice, "alice", false);
    await settled();
    await first.chat.erasures.stop();
    const { store, invites, erasures } = first;
    const left = () =>
      store
        .history({ conversationId: "direct", limit: 1_000 })
        .filter(({ content }) => content === "secret");
    expect(left().length).toBeGreaterThan(0);
    const second = chatHarness(store, { invites, erasures, underWay: erasures.underWay() });
    expect(await refusalOf(() => second.chat.erasures.assertNone("alice"))).toBe(
      "USER_BEING_ERASED",
    );
    second.chat.erasures.start();
    for (let step = 0; erasures.erasure("alice")?.doneMs === null; step += 1) {
      expect(step).toBeLessThan(1_000);
      await settled();
      second.clock.advance(10);
    }
    expect(left()).toEqual([]);
    await second.chat.erasures.stop();
  });

  test("that the store refuses is tried again, and holds up no other", async () => {
    const { chat, erasures, clock, done } = setUp();
    const { erasePortion } = erasures;
    let refusals = 3;
    const beganMs = clock.now();
    erasures.erasePortion = (...portion) => {
      if (portion[0] === "bob" || refusals === 0) return erasePortion.apply(erasures, portion);
      refusals -= 1;
      return Promise.reject(new Error("the disk is full"));
    };
    await chat.erasures.request(alice, "alice", false);
    await chat.erasures.request(SYSTEM, "bob", false);
    await settled();
    await done("bob");
    expect(clock.now() - beganMs).toBeLessThan(1_000);
    for (let time = 0; time < 3; time += 1) {
      clock.advance(5_000);
      await settled();
    }
    await done();
    expect(refusals).toBe(0);
  });

  test("takes along what was on its way to disk when it was asked for", async () => {
    const { chat, send, store, done } = setUp();
    send("alice", { conversationId: "direct", recipientId: "bob", content: "secret" });
    await chat.erasures.request(alice, "alice", false);
    await done();
    expect(store.history({ conversationId: "direct", limit: 9 })).toMatchObject([
      { senderId: "alice", content: "" },
      { type: "USER_ERASED" },
    ]);
  });

  test("begins anew where another node asks for more at the last moment", async () => {
    const { chat, send, store, erasures, done } = setUp();
    send("alice", { conversationId: "direct", recipientId: "bob", content: "secret" });
    await settled();
    const { finish } = erasures;
    erasures.finish = async (...args) => {
      erasures.finish = finish;
      await erasures.begin({ userId: "alice", requestedMs: 1, keepsMessages: false });
      await finish.apply(erasures, args);
    };
    await chat.erasures.request(alice, "alice", true);
    await done();
    const messages = store.history({ conversationId: "direct", limit: 9 });
    expect(JSON.stringify(messages)).not.toContain("secret");
  });

  test("is not taken for done by what was asked before it began", async () => {
    const memory = new MemoryErasureStore(new MemoryChatStore(), new MemoryInviteStore());
    const answered = Promise.withResolvers<null>();
    const answers: MaybePromise<Erasure | null>[] = [answered.promise];
    const store: ErasureStore = {
      begin: (erasure) => memory.begin(erasure),
      erasure: (userId) => answers.shift() ?? memory.erasure(userId),
      underWay: () => memory.underWay(),
      erasePortion: (...portion) => memory.erasePortion(...portion),
      untold: (...asked) => memory.untold(...asked),
      told: (...told) => memory.told(...told),
      finish: (...done) => memory.finish(...done),
    };
    const { chat } = setUp({ erasures: store });
    const renewed = chat.erasures.renew("alice");
    await chat.erasures.request(alice, "alice", false);
    answered.resolve(null);
    await renewed;
    expect(await refusalOf(() => chat.erasures.assertNone("alice"))).toBe("USER_BEING_ERASED");
    await chat.erasures.stop();
  });

  test("of many is done one after the other", async () => {
    const { chat, send, store, done } = setUp();
    for (const userId of ["alice", "carol"]) {
      send(userId, { conversationId: `of-${userId}`, recipientId: "bob", content: "secret" });
    }
    await settled();
    await Promise.all(
      ["alice", "carol"].map((userId) => chat.erasures.request(SYSTEM, userId, true)),
    );
    await done("alice");
    await done("carol");
    for (const userId of ["alice", "carol"]) {
      const [message] = store.history({ conversationId: `of-${userId}`, limit: 1, afterSeq: 0 });
      expect(message).toMatchObject({ content: "secret", senderName: ERASED_NAME });
    }
  });

  test("takes all of it where that is asked for while what they said is still kept", async () => {
    const { chat, send, store, outlet, erasures, done } = setUp();
    for (let n = 0; n < 3; n += 1) {
      send("alice", { conversationId: "direct", recipientId: "bob", content: "secret" });
    }
    await settled();
    let isAsked = false;
    const { finish, untold } = erasures;
    // At the last moment.
    erasures.untold = (...asked) => {
      const ids = untold.apply(erasures, asked);
      if (ids.length === 0 && !isAsked) {
        isAsked = true;
        chat.erasures.request(alice, "alice", false).catch(() => {});
      }
      return ids;
    };
    const finished: string[] = [];
    erasures.finish = (...done) => {
      finished.push(done[0].userId);
      return finish.apply(erasures, done);
    };
    expect((await chat.erasures.request(alice, "alice", true)).keepsMessages).toBe(true);
    await done();
    expect(JSON.stringify(store.history({ conversationId: "direct", limit: 9 }))).not.toContain(
      "secret",
    );
    expect(finished).toEqual(["alice"]);
    const events = outlet.bodies("message", "bob").filter(({ type }) => type === "USER_ERASED");
    expect(events.map(({ event }) => event)).toEqual([
      { userId: "alice", messages: "kept" },
      { userId: "alice", messages: "erased" },
    ]);
    const again = await chat.erasures.request(alice, "alice", true);
    expect(again).toMatchObject({ keepsMessages: true, erasedMessages: 0 });
  });

  test("waits for the user's uploads to end, before it takes anything", async () => {
    const ended = Promise.withResolvers<void>();
    const asked: string[] = [];
    const { chat, erasures, clock, done } = setUp({
      endUploads: (userId) => {
        asked.push(userId);
        return ended.promise;
      },
    });
    let portions = 0;
    const { erasePortion } = erasures;
    erasures.erasePortion = (...portion) => {
      portions += 1;
      return erasePortion.apply(erasures, portion);
    };
    await chat.erasures.request(alice, "alice", false);
    for (let step = 0; step < 10; step += 1) {
      await settled();
      clock.advance(10);
    }
    expect([asked, portions]).toEqual([["alice"], 0]);
    ended.resolve();
    await done();
    expect(portions).toBeGreaterThan(0);
  });

  test("leaves somebody new with the id free to number messages as this one did", async () => {
    for (const keepsMessages of [true, false]) {
      const { chat, send, store, done } = setUp();
      send("alice", { conversationId: "old", recipientId: "bob", clientMessageId: "1" });
      await settled();
      await chat.erasures.request(alice, "alice", keepsMessages);
      await done();
      await settled();
      send("alice", { conversationId: "new", recipientId: "carol", clientMessageId: "1" });
      await settled();
      expect(store.history({ conversationId: "new", limit: 9 })).toMatchObject([
        { senderId: "alice", clientMessageId: "1" },
      ]);
    }
  });
});
