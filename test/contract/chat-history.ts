import { beforeEach, describe, expect, test } from "bun:test";
import type { WriteBatch } from "../../src/chat/chat-writes.ts";
import type { ChatStore } from "../../src/chat/ports.ts";
import type { StoredMessage } from "../../src/chat/stored-chats.ts";
import { batch, conversation, message, messages, watermark } from "../support/stored.ts";

/** How a ChatStore finds messages again, in their order. `current` is the store of the running test. */
export function chatHistoryContract(current: () => ChatStore): void {
  let store: ChatStore;

  beforeEach(() => {
    store = current();
  });

  const commit = (parts: Partial<WriteBatch>) => store.commit(batch(parts));
  const seqs = (list: readonly StoredMessage[]) => list.map(({ seq }) => seq);

  describe("the heads of a user's conversations", () => {
    test("are their last seqs, the newest first, without those that have no message", async () => {
      await commit({
        conversations: [conversation(), conversation("later"), conversation("empty")],
        messages: [...messages(3), message(4, { conversationId: "later", seq: 1, id: "later" })],
      });
      const heads = [
        { conversationId: "later", lastSeq: 1 },
        { conversationId: "chat", lastSeq: 3 },
      ];
      expect(await store.conversationHeads("bob", 10)).toEqual(heads);
      expect(await store.conversationHeads("bob", 1)).toEqual(heads.slice(0, 1));
      expect(await store.conversationHeads("bob", -1)).toEqual([]);
      expect(await store.conversationHeads("mallory", 10)).toEqual([]);
    });
  });

  describe("history", () => {
    beforeEach(() =>
      commit({
        conversations: [conversation(), conversation("other")],
        messages: [...messages(20), message(21, { conversationId: "other" })],
      }),
    );

    const history = async (bounds: { afterSeq?: number; beforeSeq?: number; limit: number }) =>
      seqs(await store.history({ conversationId: "chat", ...bounds }));

    test("without bounds is the last ones, ascending", async () => {
      expect(await history({ limit: 3 })).toEqual([18, 19, 20]);
      expect(await history({ limit: 100 })).toHaveLength(20);
    });

    test("before a seq is the last ones below it", async () => {
      expect(await history({ beforeSeq: 10, limit: 3 })).toEqual([7, 8, 9]);
      expect(await history({ beforeSeq: 3, limit: 3 })).toEqual([1, 2]);
      expect(await history({ beforeSeq: 1, limit: 3 })).toEqual([]);
      expect(await history({ beforeSeq: 1_000, limit: 2 })).toEqual([19, 20]);
    });

    test("after a seq is the first ones above it", async () => {
      expect(await history({ afterSeq: 0, limit: 3 })).toEqual([1, 2, 3]);
      expect(await history({ afterSeq: 10, limit: 3 })).toEqual([11, 12, 13]);
      expect(await history({ afterSeq: 18, limit: 3 })).toEqual([19, 20]);
      expect(await history({ afterSeq: 20, limit: 3 })).toEqual([]);
    });

    test("between two is the first ones above the lower bound", async () => {
      expect(await history({ afterSeq: 5, beforeSeq: 15, limit: 3 })).toEqual([6, 7, 8]);
      expect(await history({ afterSeq: 5, beforeSeq: 8, limit: 10 })).toEqual([6, 7]);
      expect(await history({ afterSeq: 5, beforeSeq: 6, limit: 10 })).toEqual([]);
      expect(await history({ afterSeq: 9, beforeSeq: 3, limit: 10 })).toEqual([]);
    });

    test("with a limit of 0 or less is nothing", async () => {
      expect(await history({ limit: 0 })).toEqual([]);
      expect(await history({ limit: -1 })).toEqual([]);
      expect(await history({ afterSeq: 1, limit: -1 })).toEqual([]);
    });

    test("takes undefined bounds for none", async () => {
      const bounds = { afterSeq: undefined, beforeSeq: undefined };
      const query = { conversationId: "chat", limit: 2, ...bounds };
      expect(seqs(await store.history(query))).toEqual([19, 20]);
    });

    test("is walked page by page, both ways, with every message once and in order", async () => {
      await commit({ conversations: [conversation("long")] });
      const all = Array.from({ length: 2_500 }, (_, index) =>
        message(index + 1, { conversationId: "long" }),
      );
      for (let at = 0; at < all.length; at += 500) {
        await commit({ messages: all.slice(at, at + 500) });
      }

      const upward: StoredMessage[] = [];
      for (;;) {
        const afterSeq = upward.at(-1)?.seq ?? 0;
        const page = await store.history({ conversationId: "long", afterSeq, limit: 99 });
        if (page.length === 0) break;
        upward.push(...page);
      }
      expect(upward).toEqual(all);

      const downward: StoredMessage[] = [];
      for (;;) {
        const beforeSeq = downward[0]?.seq;
        const page = await store.history({ conversationId: "long", beforeSeq, limit: 101 });
        if (page.length === 0) break;
        downward.unshift(...page);
      }
      expect(downward).toEqual(all);
    });
  });

  describe("the backlog", () => {
    test("is what others sent above the user's deliveredSeq", async () => {
      await commit({ conversations: [conversation()], messages: messages(3) });
      const head = { conversationId: "chat", deliveredSeq: 0, lastSeq: 3 };
      expect(await store.backlog("bob")).toEqual([head]);
      expect(await store.backlog("alice")).toEqual([]);
      expect(await store.backlog("mallory")).toEqual([]);

      await commit({ watermarks: [watermark("bob", 2)] });
      expect(await store.backlog("bob")).toEqual([{ ...head, deliveredSeq: 2 }]);
      await commit({ watermarks: [watermark("bob", 3)] });
      expect(await store.backlog("bob")).toEqual([]);
    });

    test("does not count the user's own messages, but reaches up to them", async () => {
      await commit({
        conversations: [conversation()],
        messages: [message(1), message(2, { senderId: "bob" })],
      });
      const head = { conversationId: "chat", deliveredSeq: 0, lastSeq: 2 };
      expect(await store.backlog("bob")).toEqual([head]);
      await commit({ watermarks: [watermark("bob", 1)] });
      expect(await store.backlog("bob")).toEqual([]);
      await commit({ messages: [message(3)] });
      const later = { conversationId: "chat", deliveredSeq: 1, lastSeq: 3 };
      expect(await store.backlog("bob")).toEqual([later]);
    });

    test("has the conversation first that waits longest", async () => {
      const at = (conversationId: string, seq: number, timestampMs: number, senderId = "alice") =>
        message(seq, { conversationId, timestampMs, senderId });
      await commit({
        conversations: ["a", "b", "c", "d"].map((id) => conversation(id)),
        messages: [
          // Bob's own message is older than any, and waits for nobody.
          at("a", 1, 10, "bob"),
          at("a", 2, 400),
          at("b", 1, 20),
          at("b", 2, 300),
          at("c", 1, 200),
          at("c", 2, 500),
          at("d", 1, 30),
        ],
        watermarks: [watermark("bob", 1, 0, "b"), watermark("bob", 1, 1, "d")],
      });
      const waiting = await store.backlog("bob");
      expect(waiting.map(({ conversationId }) => conversationId)).toEqual(["c", "b", "a"]);
    });
  });

  describe("the last message of each sender", () => {
    beforeEach(() =>
      commit({
        conversations: [conversation("group", ["alice", "bob", "carol", "dave"])],
        messages: ["alice", "bob", "alice", "carol", "dave", "bob", "dave"].map((senderId, index) =>
          message(index + 1, { conversationId: "group", senderId }),
        ),
      }),
    );

    const lastOnes = async (afterSeq: number, uptoSeq: number, except: string) =>
      seqs(await store.lastMessagePerSender("group", afterSeq, uptoSeq, except)).sort();

    test("is told for all senders but one", async () => {
      expect(await lastOnes(0, 7, "dave")).toEqual([3, 4, 6]);
      expect(await lastOnes(0, 7, "nobody")).toEqual([3, 4, 6, 7]);
    });

    test("is above the lower bound and not above the upper", async () => {
      expect(await lastOnes(3, 6, "nobody")).toEqual([4, 5, 6]);
      expect(await lastOnes(2, 3, "bob")).toEqual([3]);
      expect(await lastOnes(3, 3, "bob")).toEqual([]);
      expect(await lastOnes(7, 100, "bob")).toEqual([]);
    });

    test("is a whole message", async () => {
      const [last] = await store.lastMessagePerSender("group", 0, 1, "bob");
      expect(last).toEqual(message(1, { conversationId: "group" }));
    });
  });
}
