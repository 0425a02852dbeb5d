import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { CommitConflict, type PlaceBehind, type WriteBatch } from "../../src/chat/chat-writes.ts";
import type { ChatStore } from "../../src/chat/ports.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { refusalOf } from "../support/refusal.ts";
import { batch, conversation, joining, message, messages, watermark } from "../support/stored.ts";

/** What every ChatStore that others may write to does with batches that they have overtaken. */
export function overtakenBatchesContract(
  name: string,
  factory: () => Storage | Promise<Storage>,
): void {
  describe(`${name}, of a batch that others have overtaken,`, () => {
    let storage: Storage;
    let store: ChatStore;
    let asked: Record<string, number>[];

    beforeEach(async () => {
      storage = await factory();
      store = storage.chat;
      asked = [];
      await store.commit(batch({ conversations: [conversation()], messages: messages(3) }));
    });
    afterEach(() => storage.close());

    /** Puts all messages of the asked conversations behind. */
    const commit = (parts: Partial<WriteBatch>, placeBehind?: PlaceBehind) => {
      const before = batch(parts);
      return store.commit(before, (lastSeqs) => {
        asked.push(Object.fromEntries(lastSeqs));
        if (placeBehind !== undefined) return placeBehind(lastSeqs);
        const next = new Map(lastSeqs);
        const placed = before.messages.map((each) => {
          const last = next.get(each.conversationId);
          if (last === undefined) return each;
          next.set(each.conversationId, last + 1);
          return { ...each, seq: last + 1 };
        });
        return { ...before, messages: placed };
      });
    };
    const contents = async (conversationId = "chat") => {
      const kept = await store.history({ conversationId, limit: 100 });
      return kept.map(({ seq, id }) => [seq, id]);
    };

    test("commits what it is told, and asks of those conversations alone", async () => {
      await commit({
        conversations: [conversation("own")],
        messages: [
          message(2, { id: "a" }),
          message(1, { conversationId: "own" }),
          message(3, { id: "b" }),
        ],
      });
      expect(asked).toEqual([{ chat: 3 }]);
      expect((await contents()).slice(3)).toEqual([
        [4, "a"],
        [5, "b"],
      ]);
      expect(await contents("own")).toEqual([[1, "own#1"]]);
      expect((await store.conversation("chat"))?.lastSeq).toBe(5);
      const [overview] = await store.conversationsOf({
        ...{ userId: "alice", archived: false, after: null, limit: 1 },
      });
      expect(overview).toMatchObject({ id: "chat", lastSeq: 5, unread: 0 });
    });

    test("asks nothing where nobody else has written", async () => {
      await commit({ messages: messages(2, 4), watermarks: [watermark("bob", 3)] });
      await commit({ watermarks: [watermark("bob", 5)] });
      expect(asked).toEqual([]);
      expect(await contents()).toHaveLength(5);
    });

    test("writes the watermarks that it is told, not those before", async () => {
      const late = batch({ messages: [message(3, { id: "a" })] });
      const watermarks = [watermark("alice", 3)];
      await commit({ ...late, watermarks }, () => ({
        ...late,
        messages: [message(4, { id: "a" })],
        watermarks: [watermark("alice", 2)],
      }));
      const alice = (await store.conversation("chat"))?.members[0];
      expect(alice).toMatchObject({ userId: "alice", deliveredSeq: 2 });
    });

    test("refuses what stays where another message is, and nothing is kept", async () => {
      const late = batch({ messages: [message(3, { id: "a" }), message(4, { id: "b" })] });
      const fault = await commit(late, () => late).catch((error: unknown) => error);
      expect(fault).toBeInstanceOf(CommitConflict);
      expect(fault).toMatchObject({ conflicts: [{ index: 0, first: null }] });
      expect(asked).toEqual([{ chat: 3 }]);
      expect(await contents()).toHaveLength(3);
    });

    test("tells conflicts by the places of what it was told to commit", async () => {
      await store.commit(batch({ messages: [message(4, { clientMessageId: "c" })] }));
      const late = batch({
        messages: [message(3, { id: "a" }), message(4, { id: "b", clientMessageId: "c" })],
      });
      const fault = await commit(late).catch((error: unknown) => error);
      expect(fault).toMatchObject({ conflicts: [{ index: 1, first: { id: "chat#4" } }] });
      expect(await contents()).toHaveLength(4);
    });

    test("asks where events of messages are in between, but not where members or more have changed", async () => {
      const event = JSON.stringify({ messageId: "chat#1", seq: 1 });
      const edited = { type: "MESSAGE_EDITED", event, replyTo: "chat#1" };
      await store.commit(batch({ messages: [message(4, { ...edited })] }));
      await commit({ messages: [message(4, { id: "a" })] });
      expect(asked).toEqual([{ chat: 4 }]);
      const joined = { type: "MEMBER_ADDED", event: JSON.stringify({ userId: "carol" }) };
      await store.commit(
        batch({ messages: [message(6, joined)], addedMembers: [joining("carol", 5)] }),
      );
      expect(await refusalOf(() => commit({ messages: [message(6, { id: "b" })] }))).toBe(
        "STORAGE_UNAVAILABLE",
      );
      expect(asked).toHaveLength(1);
    });

    test("asks not where messages were deleted in between: what changes these is to be refused", async () => {
      const event = JSON.stringify({ messageId: "chat#1", seq: 1 });
      const deleted = { type: "MESSAGE_DELETED", event, replyTo: "chat#1" };
      await store.commit(batch({ messages: [message(4, { ...deleted })] }));
      expect(await refusalOf(() => commit({ messages: [message(4, { id: "a" })] }))).toBe(
        "STORAGE_UNAVAILABLE",
      );
      expect(asked).toEqual([]);
      // What a user says is no event, whatever it calls itself.
      await store.commit(batch({ messages: [message(5, { type: "MESSAGE_DELETED" })] }));
      await commit({ messages: [message(5, { id: "b" })] });
      expect(asked).toEqual([{ chat: 5 }]);
    });

    test("asks not where what is in between has been removed: it may have been anything", async () => {
      const portion = { beforeMs: message(3).timestampMs, keepLast: null, after: null, limit: 10 };
      expect(await store.removeExpired(portion)).toMatchObject({ removed: 2 });
      // The seq of a removed message is free for the engine, and is not for anybody else.
      await commit({ messages: [message(2, { id: "a" }), message(3, { id: "b" })] }).catch(
        () => {},
      );
      expect(asked).toEqual([]);
    });

    test("asks of a direct conversation that both have made, if it is of the same members", async () => {
      const made = (members: string[], id: string) => ({
        conversations: [conversation("new", members)],
        messages: [message(1, { conversationId: "new", id })],
      });
      await commit(made(["alice", "bob"], "a"));
      await commit(made(["bob", "alice"], "b"));
      expect(asked).toEqual([{ new: 1 }]);
      const refused = [made(["alice", "carol"], "c"), made(["alice", "bob", "carol"], "d")];
      for (const parts of refused) {
        expect(await refusalOf(() => commit(parts))).toBe("STORAGE_UNAVAILABLE");
      }
      expect(asked).toHaveLength(1);
      expect(await contents("new")).toEqual([
        [1, "a"],
        [2, "b"],
      ]);
    });
  });
}
