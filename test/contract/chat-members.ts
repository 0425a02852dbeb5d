import { beforeEach, describe, expect, test } from "bun:test";
import type { WriteBatch } from "../../src/chat/chat-writes.ts";
import type { ChatStore } from "../../src/chat/ports.ts";
import {
  batch,
  conversation,
  joining,
  listOf,
  message,
  messages,
  watermark,
} from "../support/stored.ts";

/** What a ChatStore keeps of who comes and goes. `current` is the store of the running test. */
export function chatMembersContract(current: () => ChatStore): void {
  describe("members who come and go:", () => {
    let store: ChatStore;

    beforeEach(async () => {
      store = current();
      const group = conversation("chat", ["alice", "bob", "carol"]);
      await store.commit(batch({ conversations: [group], messages: messages(3) }));
    });

    const commit = (parts: Partial<WriteBatch>) => store.commit(batch(parts));
    const members = async () => (await store.conversation("chat"))?.members ?? [];
    const memberIds = async () => (await members()).map(({ userId }) => userId);
    const leaving = (userId: string) => ({ conversationId: "chat", userId });

    test("who was removed has no conversation and no backlog any more, and the others go on", async () => {
      await commit({ removedMembers: [leaving("bob")] });
      expect(await memberIds()).toEqual(["alice", "carol"]);
      expect(await store.backlog("bob")).toEqual([]);
      expect(await store.conversationsOf(listOf("bob"))).toEqual([]);
      expect(await store.conversationHeads("bob", 10)).toEqual([]);
      expect(await store.backlog("carol")).toMatchObject([{ conversationId: "chat" }]);
      expect(await store.history({ conversationId: "chat", limit: 10 })).toHaveLength(3);
    });

    test("a removal comes after the messages and the watermarks of its batch", async () => {
      await commit({
        messages: [message(4, { senderId: "bob", clientMessageId: "last" })],
        watermarks: [watermark("bob", 4, 4)],
        removedMembers: [leaving("bob")],
      });
      expect(await memberIds()).toEqual(["alice", "carol"]);
      expect(await store.messageByClientId("bob", "last")).toMatchObject({ seq: 4 });
    });

    test("who is no member, and who is none of any conversation, may be removed", async () => {
      const nowhere = { conversationId: "nowhere", userId: "bob" };
      await commit({ removedMembers: [leaving("mallory"), nowhere] });
      expect(await memberIds()).toEqual(["alice", "bob", "carol"]);
    });

    test("who is added comes last and begins where they joined", async () => {
      await commit({ addedMembers: [joining("dave", 3)] });
      expect((await members()).at(-1)).toEqual({
        ...{ userId: "dave", joinedSeq: 3, deliveredSeq: 3, readSeq: 3, role: "member" },
      });
      expect(await memberIds()).toEqual(["alice", "bob", "carol", "dave"]);
      expect(await store.backlog("dave")).toEqual([]);
      expect(await store.conversationsOf(listOf("dave"))).toMatchObject([{ id: "chat" }]);
      await commit({ messages: [message(4)] });
      expect(await store.backlog("dave")).toEqual([
        { conversationId: "chat", deliveredSeq: 3, lastSeq: 4 },
      ]);
    });

    test("who is removed and added in one batch begins anew", async () => {
      await commit({ watermarks: [watermark("bob", 1, 1)] });
      await commit({
        watermarks: [watermark("bob", 2)],
        removedMembers: [leaving("bob")],
        addedMembers: [joining("bob", 3)],
      });
      expect(await memberIds()).toEqual(["alice", "carol", "bob"]);
      expect((await members()).at(-1)).toMatchObject({
        joinedSeq: 3,
        deliveredSeq: 3,
        readSeq: 3,
        role: "member",
      });
    });

    test("who was removed may be added again later", async () => {
      await commit({ watermarks: [watermark("bob", 2, 1)], removedMembers: [leaving("bob")] });
      await commit({ messages: [message(4)], addedMembers: [joining("bob", 4)] });
      expect((await members()).at(-1)).toMatchObject({ userId: "bob", joinedSeq: 4 });
      await commit({ watermarks: [watermark("bob", 2, 1)] });
      expect((await members()).at(-1)).toMatchObject({ deliveredSeq: 4, readSeq: 4 });
    });

    test("who is added and is there already keeps watermarks that are further", async () => {
      await commit({ watermarks: [watermark("carol", 3, 1)] });
      await commit({ addedMembers: [joining("carol", 2)] });
      expect((await members()).at(-1)).toEqual({
        ...{ userId: "carol", joinedSeq: 2, deliveredSeq: 3, readSeq: 2, role: "member" },
      });
    });

    test("a member of the conversation's own batch may be one who joined it later", async () => {
      const added = { ...joining("bob", 1), conversationId: "new" };
      await commit({
        conversations: [conversation("new", ["alice", "bob"])],
        messages: [message(1, { conversationId: "new" })],
        addedMembers: [added],
      });
      expect((await store.conversation("new"))?.members).toMatchObject([
        { userId: "alice", joinedSeq: 0 },
        { userId: "bob", joinedSeq: 1, deliveredSeq: 1 },
      ]);
    });

    test("the slowest are those who have received least, and no more than were asked for", async () => {
      const ids = ["alice", "bob", "carol", "dave"];
      await commit({
        conversations: [conversation("crew", ids)],
        messages: [1, 2, 3].map((seq) => message(seq, { conversationId: "crew" })),
        watermarks: ids.slice(0, 3).map((userId, at) => ({
          ...{ conversationId: "crew", userId, deliveredSeq: 3 - at, readSeq: 0 },
        })),
      });
      expect(await store.slowest("crew", 2)).toEqual([
        { userId: "dave", deliveredSeq: 0 },
        { userId: "carol", deliveredSeq: 1 },
      ]);
      expect((await store.slowest("crew", 10)).map(({ deliveredSeq }) => deliveredSeq)).toEqual([
        ...[0, 1, 2, 3],
      ]);
      expect(await store.slowest("crew", 0)).toEqual([]);
      expect(await store.slowest("nowhere", 2)).toEqual([]);
    });

    test("contacts share a conversation, and are no more than were asked for", async () => {
      const pair = conversation("pair", ["alice", "bob"]);
      await commit({ conversations: [pair, conversation("other", ["bob", "dave"])] });
      const of = async (userId: string) => [...(await store.contactsOf(userId, 10))].sort();
      expect(await of("alice")).toEqual(["bob", "carol"]);
      expect(await of("bob")).toEqual(["alice", "carol", "dave"]);
      expect(await of("dave")).toEqual(["bob"]);
      expect(await of("mallory")).toEqual([]);
      expect(await store.contactsOf("bob", 2)).toHaveLength(2);
      expect(await store.contactsOf("bob", 0)).toEqual([]);
      await commit({ removedMembers: [leaving("bob")] });
      expect(await of("bob")).toEqual(["alice", "dave"]);
      expect(await of("carol")).toEqual(["alice"]);
    });

    test("members of a conversation that is not there are left out", async () => {
      await commit({ addedMembers: [{ ...joining("bob", 1), conversationId: "nowhere" }] });
      expect(await store.conversation("nowhere")).toBeNull();
      expect(await store.conversationsOf(listOf("bob"))).toHaveLength(1);
    });
  });
}
