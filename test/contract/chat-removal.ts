import { beforeEach, describe, expect, test } from "bun:test";
import { CommitConflict, type WriteBatch } from "../../src/chat/chat-writes.ts";
import type { ChatStore, RetentionRule } from "../../src/chat/ports.ts";
import {
  batch,
  conversation,
  EPOCH_MS,
  identity,
  listOf,
  message,
  messages,
  watermark,
} from "../support/stored.ts";

/** What a ChatStore removes, and what it keeps of it. `current` is the store of the running test. */
export function chatRemovalContract(current: () => ChatStore): void {
  describe("the removal of expired messages", () => {
    let store: ChatStore;

    beforeEach(() => {
      store = current();
    });

    const commit = (parts: Partial<WriteBatch>) => store.commit(batch(parts));
    const seqs = async (conversationId = "chat") =>
      (await store.history({ conversationId, limit: 1_000 })).map(({ seq }) => seq);

    /** All portions of one run; returns how many messages each of them removed. */
    const remove = async (rule: Partial<RetentionRule>, limit = 100) => {
      const portions: number[] = [];
      let after: string | null = null;
      do {
        const portion = { beforeMs: null, keepLast: null, ...rule, after, limit };
        const progress: Awaited<ReturnType<ChatStore["removeExpired"]>> =
          await store.removeExpired(portion);
        portions.push(progress.removed);
        after = progress.next;
      } while (after !== null);
      return portions;
    };
    const total = (portions: readonly number[]) => portions.reduce((sum, each) => sum + each, 0);

    test("of an empty store is done at once", async () => {
      expect(await remove({ beforeMs: EPOCH_MS, keepLast: 1 })).toEqual([0]);
    });

    test("by age takes what was sent before a time, from the bottom of each conversation", async () => {
      await commit({
        conversations: [conversation(), conversation("other"), conversation("empty")],
        messages: [...messages(10), message(1, { conversationId: "other" })],
      });
      expect(total(await remove({ beforeMs: EPOCH_MS + 4 }))).toBe(4);
      expect(await seqs()).toEqual([4, 5, 6, 7, 8, 9, 10]);
      expect(await seqs("other")).toEqual([]);
    });

    test("makes no hole where a younger message lies below an older one", async () => {
      const at = (seq: number, timestampMs: number) => message(seq, { timestampMs });
      await commit({
        conversations: [conversation()],
        messages: [at(1, 10), at(2, 90), at(3, 20), at(4, 100)],
      });
      expect(await remove({ beforeMs: 50 })).toEqual([1]);
      expect(await seqs()).toEqual([2, 3, 4]);
    });

    test("by count leaves the last ones of each conversation", async () => {
      await commit({
        conversations: [conversation(), conversation("other")],
        messages: [...messages(10), message(1, { conversationId: "other" })],
      });
      expect(total(await remove({ keepLast: 3 }))).toBe(7);
      expect(await seqs()).toEqual([8, 9, 10]);
      expect(await seqs("other")).toEqual([1]);
      await commit({ messages: messages(2, 11) });
      expect(total(await remove({ keepLast: 3 }))).toBe(2);
      expect(await seqs()).toEqual([10, 11, 12]);
    });

    test("by both leaves what neither takes", async () => {
      await commit({ conversations: [conversation()], messages: messages(10) });
      expect(total(await remove({ beforeMs: EPOCH_MS + 3, keepLast: 5 }))).toBe(5);
      expect(total(await remove({ beforeMs: EPOCH_MS + 8, keepLast: 5 }))).toBe(2);
      expect(await seqs()).toEqual([8, 9, 10]);
    });

    test("by neither takes nothing", async () => {
      await commit({ conversations: [conversation()], messages: messages(3) });
      expect(total(await remove({}))).toBe(0);
      expect(await seqs()).toEqual([1, 2, 3]);
    });

    test("goes on in portions of no more than the limit, commits between them", async () => {
      const ids = ["a", "b", "c", "d", "e"];
      await commit({
        conversations: ids.map((id) => conversation(id)),
        messages: ids.flatMap((conversationId) =>
          messages(5).map(({ seq }) => message(seq, { conversationId })),
        ),
      });
      const rule = { beforeMs: EPOCH_MS + 5, keepLast: null };
      const first = await store.removeExpired({ ...rule, after: null, limit: 3 });
      expect(first.removed).toBe(3);
      await commit({ messages: [message(6, { conversationId: "a" })] });
      const portions = await remove(rule, 3);
      expect(Math.max(...portions)).toBe(3);
      expect(total(portions)).toBe(17);
      for (const id of ids) expect((await seqs(id))[0]).toBe(5);
      expect(await seqs("a")).toEqual([5, 6]);
    });

    test("looks at no more conversations at a time than the limit, and at each", async () => {
      const ids = Array.from({ length: 25 }, (_, index) => `c${index}`);
      await commit({
        conversations: ids.map((id) => conversation(id)),
        messages: ids.slice(20).map((conversationId) => message(1, { conversationId })),
      });
      const portions = await remove({ beforeMs: EPOCH_MS + 5 }, 10);
      expect(portions.length).toBeGreaterThanOrEqual(3);
      expect(total(portions)).toBe(5);
    });

    describe("of all messages of a conversation", () => {
      const sent = message(3, { clientMessageId: "c-3" });

      beforeEach(async () => {
        await commit({
          conversations: [conversation(), conversation("older")],
          messages: [...messages(2), sent, message(1, { conversationId: "older" })],
          watermarks: [watermark("bob", 2, 1)],
        });
        await commit({ messages: [message(2, { conversationId: "older" })] });
        expect(total(await remove({ beforeMs: EPOCH_MS + 100 }))).toBe(5);
      });

      test("leaves its lastSeq and its members' watermarks, and seq counts on", async () => {
        const before = await store.conversation("chat");
        expect(before?.lastSeq).toBe(3);
        expect(before?.members[1]).toEqual({
          userId: "bob",
          joinedSeq: 0,
          deliveredSeq: 2,
          readSeq: 1,
          role: "member",
        });
        await commit({ messages: [message(4)] });
        expect((await store.conversation("chat"))?.lastSeq).toBe(4);
        expect(await seqs()).toEqual([4]);
      });

      test("leaves it in lists, in its place, without a last message", async () => {
        const list = await store.conversationsOf(listOf("bob"));
        expect(list.map(({ id, lastSeq, lastMessage }) => [id, lastSeq, lastMessage])).toEqual([
          ["chat", 3, null],
          ["older", 2, null],
        ]);
      });

      test("leaves nothing to read", async () => {
        expect(await store.messageById(sent.id)).toBeNull();
        expect(await store.history({ conversationId: "chat", beforeSeq: 9, limit: 5 })).toEqual([]);
        expect(await store.lastMessagePerSender("chat", 0, 9, "bob")).toEqual([]);
      });

      test("leaves nothing in the backlog, where what comes later is waiting", async () => {
        expect(await store.backlog("bob")).toEqual([]);
        await commit({ messages: [message(4)] });
        expect(await store.backlog("bob")).toEqual([
          { conversationId: "chat", deliveredSeq: 2, lastSeq: 4 },
        ]);
      });

      test("leaves what they were sent as, so that none is sent anew", async () => {
        expect(await store.messageByClientId("alice", "c-3")).toEqual(identity(sent));
        const again = message(4, { id: "new", clientMessageId: "c-3" });
        const refusal = await commit({ messages: [again] }).catch((fault: unknown) => fault);
        expect(refusal).toBeInstanceOf(CommitConflict);
        expect(refusal).toMatchObject({ conflicts: [{ index: 0, first: identity(sent) }] });
        const ofBob = message(4, { senderId: "bob", clientMessageId: "c-3" });
        await commit({ messages: [ofBob] });
        expect(await store.messageByClientId("bob", "c-3")).toEqual(identity(ofBob));
      });
    });
  });
}
