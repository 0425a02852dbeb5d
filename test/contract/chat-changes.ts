import { beforeEach, describe, expect, test } from "bun:test";
import type { MessageWrite, WriteBatch } from "../../src/chat/chat-writes.ts";
import type { ChatStore } from "../../src/chat/ports.ts";
import { MOST_REACTIONS, MOST_VERSIONS } from "../../src/chat/stored-chats.ts";
import { batch, conversation, EPOCH_MS, listOf, message, messages } from "../support/stored.ts";

/** What a ChatStore keeps of what becomes of messages. `current` is the store of the running test. */
export function chatChangesContract(current: () => ChatStore): void {
  describe("messages that change:", () => {
    let store: ChatStore;

    beforeEach(async () => {
      store = current();
      await commit({ conversations: [conversation()], messages: messages(3) });
    });

    const commit = (parts: Partial<WriteBatch>) => store.commit(batch(parts));
    const change = (...messageChanges: readonly MessageWrite[]) => commit({ messageChanges });
    const read = async (seq: number) =>
      (await store.messageById(message(seq).id)) ?? expect.unreachable("no message");
    const messageId = message(1).id;
    const edit = (content: string, editedMs: number) =>
      ({ kind: "edit", messageId, content, editedMs }) as const;
    const react = (userId: string, emoji: string | null, reactedMs = 1) =>
      ({ kind: "react", messageId, userId, emoji, reactedMs }) as const;
    const pairsOf = async (seq: number) => JSON.parse((await read(seq)).reactions ?? "null");

    test("an edit is what is read from then on, and what was said before is kept", async () => {
      await change(edit("second", 5));
      await change(edit("third", 6), edit("fourth", 7));
      const edited = { ...message(1), content: "fourth", editedMs: 7 };
      expect(await read(1)).toEqual(edited);
      expect(await store.history({ conversationId: "chat", limit: 10 })).toEqual([
        ...[edited, message(2), message(3)],
      ]);
      expect(await store.versions(messageId)).toEqual([
        { content: "message 1", replacedMs: 5 },
        { content: "second", replacedMs: 6 },
        { content: "third", replacedMs: 7 },
      ]);
      expect(await store.versions(message(2).id)).toEqual([]);
    });

    test("an edit may come in the commit of its message", async () => {
      const write = {
        kind: "edit",
        messageId: message(4).id,
        content: "new",
        editedMs: 9,
      } as const;
      await commit({ messages: [message(4)], messageChanges: [write] });
      expect(await read(4)).toMatchObject({ content: "new", editedMs: 9 });
      expect(await store.versions(message(4).id)).toHaveLength(1);
    });

    test("mentions come back as they were sent, until their message is deleted", async () => {
      const mentions = JSON.stringify(["bob", "alice"]);
      await commit({ messages: [message(4, { mentions }), message(5, { mentions })] });
      expect(await read(4)).toEqual(message(4, { mentions }));
      await change({ kind: "delete", messageId: message(4).id, deletedMs: 8 });
      expect(await read(4)).toMatchObject({ mentions: null, content: "" });
      expect(await read(5)).toMatchObject({ mentions });
    });

    test("an edit names others, or nobody, or leaves it as it was, and the unread ones follow", async () => {
      const unreadOf = async (userId: string) =>
        (await store.conversationOf(userId, "group"))?.unreadMentions;
      const inGroup = { conversationId: "group", recipientId: null };
      const named = message(1, { ...inGroup, mentions: JSON.stringify(["bob"]) });
      await commit({
        conversations: [conversation("group", ["alice", "bob", "carol"])],
        messages: [named, message(2, inGroup)],
      });
      const unread = async () => [await unreadOf("bob"), await unreadOf("carol")];
      const mention = (seq: number, editedMs: number, mentions?: readonly string[] | null) =>
        change({
          ...{ ...edit(`text ${editedMs}`, editedMs), messageId: `group#${seq}` },
          ...(mentions !== undefined && { mentions: mentions && JSON.stringify(mentions) }),
        });
      const mentionsOf = async (seq: number) => (await store.messageById(`group#${seq}`))?.mentions;
      expect(await unread()).toEqual([1, 0]);
      await mention(1, 5);
      expect([await mentionsOf(1), ...(await unread())]).toEqual(['["bob"]', 1, 0]);
      await mention(1, 6, ["carol", "bob"]);
      expect([await mentionsOf(1), ...(await unread())]).toEqual(['["carol","bob"]', 1, 1]);
      await mention(1, 7, ["carol"]);
      expect([await mentionsOf(1), ...(await unread())]).toEqual(['["carol"]', 0, 1]);
      await mention(2, 8, ["bob", "carol"]);
      expect([await mentionsOf(2), ...(await unread())]).toEqual(['["bob","carol"]', 1, 2]);
      await mention(1, 9, null);
      expect([await mentionsOf(1), ...(await unread())]).toEqual([null, 1, 1]);
      await change({ kind: "delete", messageId: "group#2", deletedMs: 10 });
      await mention(2, 11, ["bob"]);
      expect([await mentionsOf(2), ...(await unread())]).toEqual([null, 0, 0]);
    });

    test("an edit of whom it names alone keeps no version, since what it says is the same", async () => {
      await change({ ...edit("message 1", 5), mentions: '["bob"]' });
      expect(await read(1)).toMatchObject({ mentions: '["bob"]', editedMs: 5 });
      expect(await store.versions(messageId)).toEqual([]);
    });

    test("those that disappear are known in the order of their times, until they have", async () => {
      const times = [30, null, 10, 20].map((expiresMs, at) => message(4 + at, { expiresMs }));
      await commit({ messages: times });
      const next = async (limit: number) =>
        (await store.disappearing(limit)).map(({ seq, expiresMs }) => [seq, expiresMs]);
      expect(await next(10)).toEqual([
        ...[
          [6, 10],
          [7, 20],
          [4, 30],
        ],
      ]);
      expect(await next(1)).toEqual([[6, 10]]);
      await change({ kind: "delete", messageId: message(6).id, deletedMs: 10 });
      expect(await next(10)).toEqual([
        [7, 20],
        [4, 30],
      ]);
      expect(await read(6)).toMatchObject({ expiresMs: 10, deletedMs: 10, content: "" });
    });

    test("what was deleted says nothing, and said nothing, and changes no more", async () => {
      await change(edit("second", 5), react("bob", "👍"), { kind: "pin", messageId, pinnedMs: 6 });
      await change({ kind: "delete", messageId, deletedMs: 8 });
      const erased = { ...message(1), content: "", editedMs: 5, deletedMs: 8 };
      expect(await read(1)).toEqual(erased);
      expect(await store.versions(messageId)).toEqual([]);
      expect(await store.pinned("chat", 10)).toEqual([]);
      await change(edit("again", 9), react("bob", "👍"), { kind: "pin", messageId, pinnedMs: 9 });
      expect(await read(1)).toEqual(erased);
      expect(await store.versions(messageId)).toEqual([]);
    });

    test("an event of an edit says what the message says now, wherever it is read", async () => {
      const event = {
        ...{ type: "MESSAGE_EDITED", event: "{}", replyTo: messageId, content: "alice edited" },
        edited: JSON.stringify({ content: "second", editedMs: 5 }),
      };
      await commit({ messages: [message(4, event)], messageChanges: [edit("second", 5)] });
      const toldBy = async (seq: number) => JSON.parse((await read(seq)).edited ?? "null");
      const now = { content: "second", editedMs: 5, expiresMs: null, mentions: null };
      expect(await toldBy(4)).toEqual(now);
      await change({ ...edit("third", 6), mentions: '["bob","alice"]' });
      const mentions = ["bob", "alice"];
      expect(await toldBy(4)).toEqual({ ...now, content: "third", editedMs: 6, mentions });
      const [overview] = await store.conversationsOf(listOf("bob"));
      expect(overview?.lastMessage).toEqual(await read(4));
      await change({ kind: "delete", messageId, deletedMs: 8 });
      expect(await toldBy(4)).toEqual({ ...now, content: null, editedMs: 6 });
      await store.removeExpired({ beforeMs: null, keepLast: 1, after: null, limit: 10 });
      expect(await toldBy(4)).toBeNull();
    });

    test("of many events of edits the last one says what the message says", async () => {
      const at = (seq: number) => ({
        ...{ type: "MESSAGE_EDITED", event: "{}", replyTo: messageId, content: "alice edited" },
        ...{ timestampMs: EPOCH_MS + seq, edited: null },
      });
      for (const seq of [4, 5]) {
        const content = `edit ${seq}`;
        const edited = JSON.stringify({ content, editedMs: EPOCH_MS + seq });
        await commit({
          messages: [message(seq, { ...at(seq), edited })],
          messageChanges: [edit(content, EPOCH_MS + seq)],
        });
      }
      expect((await read(4)).edited).toBeNull();
      expect(JSON.parse((await read(5)).edited ?? "")).toMatchObject({ content: "edit 5" });
    });

    test("of many versions the last ones are kept", async () => {
      const edits = Array.from({ length: MOST_VERSIONS + 10 }, (_, at) => edit(`text ${at}`, at));
      await change(...edits);
      const versions = await store.versions(messageId);
      expect(versions).toHaveLength(MOST_VERSIONS);
      expect(versions[0]?.content).toBe("text 9");
      expect(versions.at(-1)?.content).toBe(`text ${MOST_VERSIONS + 8}`);
    });

    test("each user has one reaction, the last one", async () => {
      await change(react("bob", "👍", 1), react("alice", "🎉", 2));
      expect(await pairsOf(1)).toEqual([
        ["👍", "bob"],
        ["🎉", "alice"],
      ]);
      await change(react("bob", "🎉", 3), react("carol", null, 4));
      expect(await pairsOf(1)).toEqual([
        ["🎉", "alice"],
        ["🎉", "bob"],
      ]);
      await change(react("alice", null, 5), react("bob", null, 6));
      expect(await pairsOf(1)).toBeNull();
      expect(await pairsOf(2)).toBeNull();
    });

    test("of many reactions the first are shown", async () => {
      const many = Array.from({ length: MOST_REACTIONS + 5 }, (_, at) =>
        react(`user-${String(at).padStart(4, "0")}`, "👍", at),
      );
      await change(...many);
      const pairs = await pairsOf(1);
      expect(pairs).toHaveLength(MOST_REACTIONS);
      expect(pairs[0]).toEqual(["👍", "user-0000"]);
      expect(await store.reactionOf(messageId, "user-0204")).toBe("👍");
      expect(await store.reactionOf(messageId, "user-0205")).toBeNull();
    });

    test("answers are counted and listed, those that are there, of the same conversation", async () => {
      const answer = (seq: number, fields = {}) => message(seq, { replyTo: messageId, ...fields });
      await commit({
        conversations: [conversation("other")],
        messages: [
          ...[answer(4), answer(5), answer(6, { event: "{}", type: "MESSAGE_REACTION" })],
          answer(1, { conversationId: "other" }),
          answer(7),
        ],
      });
      expect((await read(1)).replyCount).toBe(3);
      expect((await store.replies(messageId, 0, 10)).map(({ seq }) => seq)).toEqual([4, 5, 7]);
      expect((await store.replies(messageId, 4, 1)).map(({ seq }) => seq)).toEqual([5]);
      await change({ kind: "delete", messageId: message(5).id, deletedMs: 9 });
      expect((await read(1)).replyCount).toBe(2);
      expect(await store.replies(messageId, 0, 10)).toEqual([await read(4), await read(7)]);
      expect(await store.replies("nowhere", 0, 10)).toEqual([]);
    });

    test("pinned messages are listed, the one pinned last first", async () => {
      const pin = (seq: number, pinnedMs: number | null) =>
        ({ kind: "pin", messageId: message(seq).id, pinnedMs }) as const;
      await change(pin(1, 5), pin(3, 7), pin(2, 6));
      expect((await store.pinned("chat", 10)).map(({ seq }) => seq)).toEqual([3, 2, 1]);
      expect((await store.pinned("chat", 1)).map(({ seq }) => seq)).toEqual([3]);
      await change(pin(3, null));
      expect((await store.pinned("chat", 10)).map(({ seq }) => seq)).toEqual([2, 1]);
      expect(await read(2)).toEqual({ ...message(2), pinnedMs: 6 });
      expect(await store.pinned("nowhere", 10)).toEqual([]);
    });

    test("what is not there is not changed, and nothing of what was removed is left", async () => {
      const nowhere = { messageId: "nowhere" };
      await change(
        { ...nowhere, kind: "edit", content: "x", editedMs: 1 },
        { ...nowhere, kind: "delete", deletedMs: 1 },
        { ...nowhere, kind: "react", userId: "bob", emoji: "👍", reactedMs: 1 },
        { ...nowhere, kind: "pin", pinnedMs: 1 },
      );
      expect(await store.versions("nowhere")).toEqual([]);
      await change(edit("second", 5), react("bob", "👍"));
      await store.removeExpired({ beforeMs: null, keepLast: 1, after: null, limit: 10 });
      expect(await store.messageById(messageId)).toBeNull();
      expect(await store.versions(messageId)).toEqual([]);
      // The same id, which no server gives twice, would show what is left.
      await commit({ conversations: [conversation("other")] });
      await commit({ messages: [message(1, { conversationId: "other", id: messageId })] });
      expect((await read(1)).reactions).toBeNull();
    });
  });
}
