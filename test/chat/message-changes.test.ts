import { describe, expect, test } from "bun:test";
import { type Actor, SYSTEM } from "../../src/chat/actor.ts";
import type { StoredMessage } from "../../src/chat/stored-chats.ts";
import { conversationView } from "../../src/http/views.ts";
import { chatHarness, createGroup } from "../support/chat-harness.ts";
import { HeldStore, settled } from "../support/held-store.ts";
import { refusalOf } from "../support/refusal.ts";

const user = (userId: string): Actor => ({ userId, name: userId });
const [alice, bob, carol] = [user("alice"), user("bob"), user("carol")];

/** A group of alice, bob and carol, to whom alice has said something. */
async function said(options: Parameters<typeof chatHarness>[1] = {}) {
  const held = HeldStore.inMemory();
  const harness = chatHarness(held.store, options);
  const { chat, outlet, send } = harness;
  await createGroup(chat, "g1", ["alice", "bob", "carol"]);
  send("alice", { conversationId: "g1", content: "first" });
  await settled();
  const id = String(outlet.bodies("message", "bob")[0]?.id);
  const stored = async () => (await held.inner.messageById(id)) ?? expect.unreachable("no message");
  const told = (userId: string) =>
    outlet
      .bodies("message", userId)
      .filter(({ event }) => event !== undefined)
      .map(({ seq, senderId, type, event }) => ({ seq, senderId, type, event }));
  return { ...harness, held, id, stored, told, changes: chat.messageChanges };
}

describe("an edit", () => {
  test("is told to all members by an event with a seq, when it is on disk", async () => {
    const { changes, held, id, stored, told, outlet } = await said();
    held.isHolding = true;
    const edited = changes.edit(alice, id, "second");
    await settled();
    expect(told("bob")).toEqual([]);
    await held.release();
    await edited;
    const event = { messageId: id, seq: 1, content: "second", editedAt: expect.any(String) };
    for (const userId of ["alice", "bob", "carol"]) {
      expect(told(userId)).toEqual([{ seq: 2, senderId: "alice", type: "MESSAGE_EDITED", event }]);
    }
    expect(await stored()).toMatchObject({ content: "second", editedMs: expect.any(Number) });
    expect(outlet.bodies("message", "bob").at(-1)).not.toHaveProperty("replyTo");
    expect(await changes.versions(bob, id)).toMatchObject([{ content: "first" }]);
  });

  test("is told also where events of groups are not, and in direct conversations", async () => {
    const { chat, send, outlet, told } = await said({ tellsEvents: false });
    send("alice", { conversationId: "d1", recipientId: "bob", content: "typo" });
    await settled();
    const { id } = outlet.bodies("message", "bob").at(-1) ?? {};
    await chat.messageChanges.edit(alice, String(id), "no typo");
    expect(told("bob")).toMatchObject([{ seq: 2, type: "MESSAGE_EDITED" }]);
    expect(outlet.bodies("message", "bob").at(-1)).toMatchObject({ recipientId: "bob" });
  });

  test("to what it says already is none; of one that is on its way to disk it is one", async () => {
    const { changes, held, id, told, stored } = await said();
    await changes.edit(alice, id, "first");
    expect(told("bob")).toEqual([]);
    held.isHolding = true;
    const edits = ["second", "second", "first", "third"].map((content) =>
      changes.edit(alice, id, content),
    );
    await settled();
    while (held.isCommitting) await held.release();
    await Promise.all(edits);
    expect(told("bob").map(({ event }) => Object(event).content)).toEqual([
      ...["second", "first", "third"],
    ]);
    expect((await stored()).content).toBe("third");
    expect((await changes.versions(alice, id)).map(({ content }) => content)).toEqual([
      ...["first", "second", "first"],
    ]);
  });

  test("names whom it is told to, members alone, or whom the message named before", async () => {
    const { changes, id, told, stored } = await said();
    const mentions = () => told("bob").map(({ event }) => Object(event).mentions);
    await changes.edit(alice, id, "bob!", ["bob", "mallory", "bob"]);
    await changes.edit(alice, id, "bob?");
    await changes.edit(alice, id, "bob?", ["bob"]);
    expect(mentions()).toEqual([["bob"], ["bob"]]);
    expect(await stored()).toMatchObject({ mentions: '["bob"]', content: "bob?" });
    await changes.edit(alice, id, "bob?", ["carol"]);
    await changes.edit(alice, id, "nobody", []);
    expect(mentions().slice(2)).toEqual([["carol"], undefined]);
    expect((await stored()).mentions).toBeNull();
  });

  test("may come before its message is on disk", async () => {
    const { chat, held, send, outlet, told } = await said();
    held.isHolding = true;
    send("alice", { conversationId: "g1", content: "early" });
    const id = String(outlet.bodies("message", "bob").at(-1)?.id);
    const edited = chat.messageChanges.edit(alice, id, "earlier");
    await settled();
    while (held.isCommitting) await held.release();
    await edited;
    expect(told("bob")).toMatchObject([{ seq: 3, event: { content: "earlier", seq: 2 } }]);
    expect(await held.inner.messageById(id)).toMatchObject({ content: "earlier" });
  });

  test("that cannot be written never was", async () => {
    const { changes, held, id, told, stored } = await said();
    held.isFailing = true;
    expect(await refusalOf(() => changes.edit(alice, id, "second"))).toBe("STORAGE_UNAVAILABLE");
    held.isFailing = false;
    expect(told("bob")).toEqual([]);
    expect((await stored()).content).toBe("first");
    await changes.edit(alice, id, "second");
    expect(told("bob")).toMatchObject([{ seq: 2, event: { content: "second" } }]);
  });

  test("is its sender's, as long as it is time", async () => {
    const { changes, id, clock } = await said({ editWithinMs: 1_000 });
    const outcome = (actor: Actor) =>
      refusalOf(() => changes.edit(actor, id, `by ${actor.userId}`));
    expect(await outcome(bob)).toBe("NOT_PERMITTED");
    expect(await outcome(user("mallory"))).toBe("MESSAGE_NOT_FOUND");
    clock.advance(1_000);
    expect(await outcome(alice)).toBe("not refused");
    clock.advance(1);
    expect(await outcome(alice)).toBe("NOT_PERMITTED");
    expect(await outcome(SYSTEM)).toBe("not refused");
  });

  test("of an event, or of what was there before one joined, is of nothing", async () => {
    const { chat, changes, id, outlet } = await said({ tellsEvents: true });
    await chat.membership.add(SYSTEM, "g1", "dave");
    const added = String(outlet.bodies("message", "dave")[0]?.id);
    const dave = user("dave");
    expect(await refusalOf(() => changes.edit(SYSTEM, added, "x"))).toBe("MESSAGE_NOT_FOUND");
    expect(await refusalOf(() => changes.react(dave, id, "👍"))).toBe("MESSAGE_NOT_FOUND");
    expect(await refusalOf(() => changes.versions(dave, id))).toBe("MESSAGE_NOT_FOUND");
  });
});

test("who joined after a message is told that it was edited, and not what it says", async () => {
  const { chat, changes, id, told, outlet, held } = await said();
  await chat.membership.add(SYSTEM, "g1", "dave");
  await changes.edit(alice, id, "a secret");
  expect(told("bob")).toMatchObject([{ event: { content: "a secret" } }]);
  expect(told("dave")).toEqual([
    { seq: 2, senderId: "alice", type: "MESSAGE_EDITED", event: { messageId: id, seq: 1 } },
  ]);
  expect(JSON.stringify(outlet.bodies("message", "dave"))).not.toContain("secret");
  const replayed: StoredMessage[] = [];
  const reader = { isOpen: true, hold() {}, goLive() {}, ready: () => null };
  const device = { ...reader, replay: (message: StoredMessage) => replayed.push(message) };
  await chat.replayTo("dave", device).start([]);
  expect(replayed).toMatchObject([{ type: "MESSAGE_EDITED", edited: null }]);
  const overview = await held.inner.conversationOf("dave", "g1");
  expect(overview && conversationView(overview, "dave").lastMessage?.event).toEqual({
    ...{ messageId: id, seq: 1 },
  });
});

test("a text that takes more than a frame may is refused", async () => {
  const { changes, id, send } = await said({ contentBytes: 100 });
  const long = "x".repeat(99);
  expect(await refusalOf(() => changes.edit(alice, id, long))).toBe("VALIDATION_FAILED");
  expect(() => send("alice", { conversationId: "g1", content: long })).toThrow("more than 100");
  expect(await refusalOf(() => changes.edit(alice, id, "\u0001".repeat(17)))).toBe(
    "VALIDATION_FAILED",
  );
  expect(await refusalOf(() => changes.edit(alice, id, "x".repeat(98)))).toBe("not refused");
});

test("changes that wait for the store are as many, and as long, as messages may be", async () => {
  const { changes, chat, held, id } = await said({ uncommittedMessages: 5, uncommittedBytes: 500 });
  held.isHolding = true;
  const prefer = () => chat.preferences.set("bob", "g1", { pinnedMs: 1 });
  const kept = Array.from({ length: 5 }, prefer);
  expect(await refusalOf(prefer)).toBe("STORAGE_UNAVAILABLE");
  while (held.isCommitting) await held.release();
  await Promise.all(kept);
  const long = changes.edit(alice, id, "x".repeat(400));
  await settled();
  expect(await refusalOf(() => changes.edit(alice, id, "y".repeat(400)))).toBe(
    "STORAGE_UNAVAILABLE",
  );
  while (held.isCommitting) await held.release();
  await long;
});

describe("a deletion", () => {
  test("leaves nothing of what was said, and is told", async () => {
    const { changes, id, stored, told, held } = await said();
    await changes.edit(alice, id, "second");
    await changes.delete(alice, id);
    await changes.delete(alice, id);
    expect(await stored()).toMatchObject({ content: "", deletedMs: expect.any(Number) });
    expect(told("bob").at(-1)).toEqual({
      ...{ seq: 3, senderId: "alice", type: "MESSAGE_DELETED", event: { messageId: id, seq: 1 } },
    });
    expect(await changes.versions(bob, id)).toEqual([]);
    const page = await held.inner.history({ conversationId: "g1", limit: 10 });
    expect(JSON.stringify(page)).not.toContain("second");
    for (const change of [
      () => changes.edit(alice, id, "third"),
      () => changes.react(bob, id, "👍"),
      () => changes.pin(SYSTEM, id, true),
    ]) {
      expect(await refusalOf(change)).toBe("MESSAGE_NOT_FOUND");
    }
  });

  test("is its sender's in time, and that of who looks after the group", async () => {
    const { chat, changes, id, clock } = await said({ deleteWithinMs: 1_000 });
    clock.advance(1_001);
    const outcome = (actor: Actor) => refusalOf(() => changes.delete(actor, id));
    expect(await outcome(alice)).toBe("NOT_PERMITTED");
    expect(await outcome(bob)).toBe("NOT_PERMITTED");
    await chat.roles.set(SYSTEM, "g1", "bob", "admin");
    expect(await outcome(bob)).toBe("not refused");
  });

  test("of one's own is not for less time than of others'", async () => {
    const { chat, changes, id, clock } = await said({ deleteWithinMs: 1_000 });
    await chat.roles.set(SYSTEM, "g1", "alice", "admin");
    clock.advance(1_001);
    expect(await refusalOf(() => changes.delete(alice, id))).toBe("not refused");
  });
});

describe("a reaction", () => {
  test("is one of each member, told with what it is, and taken back by none", async () => {
    const { changes, id, told, stored } = await said();
    await changes.react(bob, id, "👍");
    await changes.react(bob, id, "👍");
    await changes.react(carol, id, "🎉");
    await changes.react(bob, id, "🎉");
    await changes.react(bob, id, null);
    await changes.react(bob, id, null);
    expect(told("alice").map(({ senderId, event }) => [senderId, event])).toEqual([
      ["bob", { messageId: id, seq: 1, emoji: "👍" }],
      ["carol", { messageId: id, seq: 1, emoji: "🎉" }],
      ["bob", { messageId: id, seq: 1, emoji: "🎉" }],
      ["bob", { messageId: id, seq: 1, emoji: null }],
    ]);
    expect(JSON.parse((await stored()).reactions ?? "")).toEqual([["🎉", "carol"]]);
  });

  test("given twice at once is one", async () => {
    const { changes, id, told } = await said();
    await Promise.all([changes.react(bob, id, "👍"), changes.react(bob, id, "👍")]);
    expect(told("alice")).toHaveLength(1);
  });

  test("is refused where one blocks the other", async () => {
    const { chat, send, outlet } = await said();
    send("alice", { conversationId: "d1", recipientId: "bob" });
    await settled();
    const id = String(outlet.bodies("message", "bob").at(-1)?.id);
    await chat.blocks.block("alice", "bob");
    expect(await refusalOf(() => chat.messageChanges.react(bob, id, "👍"))).toBe("BLOCKED");
    expect(await refusalOf(() => chat.messageChanges.edit(alice, id, "x"))).toBe("BLOCKED");
    expect(await refusalOf(() => chat.messageChanges.delete(alice, id))).toBe("not refused");
  });
});

describe("a pin", () => {
  test("is for who looks after the group, and for both in a direct conversation", async () => {
    const { chat, changes, id, told, send, outlet, held } = await said();
    expect(await refusalOf(() => changes.pin(bob, id, true))).toBe("NOT_PERMITTED");
    await changes.pin(SYSTEM, id, true);
    await changes.pin(SYSTEM, id, true);
    expect((await held.inner.pinned("g1", 10)).map((message) => message.id)).toEqual([id]);
    await changes.pin(SYSTEM, id, false);
    expect(told("bob").map(({ type }) => type)).toEqual(["MESSAGE_PINNED", "MESSAGE_UNPINNED"]);
    send("alice", { conversationId: "d1", recipientId: "bob" });
    await settled();
    const direct = String(outlet.bodies("message", "bob").at(-1)?.id);
    await chat.messageChanges.pin(bob, direct, true);
    expect(await held.inner.pinned("d1", 10)).toHaveLength(1);
  });
});

test("who was away gets the message as it is now, and what happened to it", async () => {
  const { changes, id, held, chat } = await said();
  await changes.edit(alice, id, "second");
  await changes.react(bob, id, "👍");
  const [first, edited, reacted] = await held.inner.history({ conversationId: "g1", limit: 10 });
  expect(first).toMatchObject({ content: "second" });
  expect(JSON.parse(edited?.edited ?? "")).toMatchObject({ content: "second" });
  expect(reacted).toMatchObject({ type: "MESSAGE_REACTION", replyTo: id });
  const backlog = await chat.conversations.store.backlog("carol");
  expect(backlog).toMatchObject([{ conversationId: "g1", lastSeq: 3 }]);
});
