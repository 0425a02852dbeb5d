import { beforeEach, describe, expect, test } from "bun:test";
import type { WriteBatch } from "../../src/chat/chat-writes.ts";
import type { ChatStore, ConversationRange, FoundHeads } from "../../src/chat/ports.ts";
import type { ConversationHead } from "../../src/chat/stored-chats.ts";
import type { MaybePromise } from "../../src/maybe-promise.ts";
import { batch, conversation, joining, message, messages, watermark } from "../support/stored.ts";

/** What a ChatStore tells of messages by their ids. `current` is the store of the running test. */
export function chatPositionsContract(current: () => ChatStore): void {
  describe("by the ids of messages:", () => {
    let store: ChatStore;

    beforeEach(() => {
      store = current();
    });

    const commit = (parts: Partial<WriteBatch>) => store.commit(batch(parts));
    const ALL = { after: null, limit: 100 };
    const after = async (userId: string, messageId: string) =>
      (await store.conversationsAfter(userId, messageId, ALL)).heads;

    test("an empty store has no last one", async () => {
      expect(await store.lastMessageId()).toBeNull();
      expect(await store.conversationsAfter("bob", "", ALL)).toEqual({ heads: [], next: null });
      expect(await store.unreceived("bob", ALL)).toEqual({ heads: [], next: null });
    });

    test("the last one is the highest, in whatever order they were committed", async () => {
      await commit({
        conversations: [conversation(), conversation("other")],
        messages: [message(1, { id: "b" }), message(1, { conversationId: "other", id: "c" })],
      });
      await commit({ messages: [message(2, { id: "a" })] });
      expect(await store.lastMessageId()).toBe("c");
    });

    test("conversations are told whose newest message is above, of the user alone", async () => {
      await commit({
        conversations: [
          conversation("old"),
          conversation("new"),
          conversation("silent"),
          conversation("others", ["alice", "carol"]),
        ],
        messages: [
          message(1, { conversationId: "old", id: "1" }),
          message(1, { conversationId: "new", id: "2" }),
          message(2, { conversationId: "new", id: "4" }),
          message(1, { conversationId: "others", id: "5" }),
        ],
      });
      const [old, recent] = [
        { conversationId: "old", lastSeq: 1, messageId: "1" },
        { conversationId: "new", lastSeq: 2, messageId: "4" },
      ];
      expect(await after("bob", "0")).toEqual([recent, old]);
      expect(await after("bob", "1")).toEqual([recent]);
      expect(await after("bob", "3")).toEqual([recent]);
      expect(await after("bob", "4")).toEqual([]);
      expect(await after("mallory", "0")).toEqual([]);
    });

    test("a user's conversations are looked at a few at a time, be they what is asked for or not", async () => {
      const ids = ["a", "b", "c", "d", "e"];
      const said = (conversationId: string, senderId: string) =>
        message(1, { conversationId, senderId, id: `in ${conversationId}` });
      await commit({
        conversations: ids.map((id) => conversation(id)),
        messages: [said("b", "alice"), said("d", "bob"), said("e", "alice")],
        watermarks: [watermark("bob", 1, 0, "e")],
      });
      const pagesOf = async <Head extends ConversationHead>(
        look: (range: ConversationRange) => MaybePromise<FoundHeads<Head>>,
      ) => {
        const pages: Head[][] = [];
        let from: string | null = null;
        do {
          const { heads, next }: FoundHeads<Head> = await look({ after: from, limit: 2 });
          pages.push([...heads]);
          from = next;
        } while (from !== null);
        return pages;
      };
      const head = (conversationId: string) => ({ conversationId, lastSeq: 1 });
      const newest = (id: string) => ({ ...head(id), messageId: `in ${id}` });
      expect(await pagesOf((range) => store.conversationsAfter("bob", "", range))).toEqual([
        ...[[newest("b")], [newest("d")], [newest("e")]],
      ]);
      // What bob has said himself is nothing that he has not received, nor is what he has.
      expect(await pagesOf((range) => store.unreceived("bob", range))).toEqual([
        ...[[{ ...head("b"), deliveredSeq: 0 }], [], []],
      ]);
    });

    test("a conversation whose newest message was removed is told as well", async () => {
      await commit({ conversations: [conversation()], messages: messages(3) });
      const { removed } = await store.removeExpired({
        ...{ beforeMs: Number.MAX_SAFE_INTEGER, keepLast: null, after: null, limit: 10 },
      });
      expect(removed).toBe(3);
      expect(await after("bob", "~")).toEqual([
        { conversationId: "chat", lastSeq: 3, messageId: null },
      ]);
    });

    test("one whose newest message came before the user is not", async () => {
      const conversations = [conversation("chat", ["alice", "bob", "carol"])];
      await commit({ conversations, messages: messages(3) });
      await commit({ addedMembers: [joining("dave", 3)] });
      expect(await after("dave", "")).toEqual([]);
      await commit({ messages: messages(1, 4) });
      expect(await after("dave", "")).toMatchObject([{ lastSeq: 4 }]);
    });
  });
}
