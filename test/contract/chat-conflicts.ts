import { beforeEach, describe, expect, test } from "bun:test";
import { CommitConflict, type WriteBatch } from "../../src/chat/chat-writes.ts";
import type { ChatStore } from "../../src/chat/ports.ts";
import type { StoredMessage } from "../../src/chat/stored-chats.ts";
import { refusalOf } from "../support/refusal.ts";
import {
  batch,
  conversation,
  identity,
  joining,
  listOf,
  message,
  watermark,
} from "../support/stored.ts";

/** What a ChatStore does not take, and says of it. `current` is the store of the running test. */
export function chatConflictsContract(current: () => ChatStore): void {
  let store: ChatStore;

  beforeEach(() => {
    store = current();
  });

  const commit = (parts: Partial<WriteBatch>) => store.commit(batch(parts));
  const conflictsOf = async (parts: Partial<WriteBatch>) => {
    const fault = await commit(parts).catch((error: unknown) => error);
    return fault instanceof CommitConflict ? fault.conflicts : fault;
  };
  const refusal = (parts: Partial<WriteBatch>) => refusalOf(() => commit(parts));

  describe("a commit that breaks a constraint is refused and leaves nothing", () => {
    const stored = message(1, { clientMessageId: "c-1" });

    beforeEach(() => commit({ conversations: [conversation()], messages: [stored] }));

    /** And where in their list those are that break it. */
    const broken: Record<string, readonly [wrong: readonly StoredMessage[], at: number]> = {
      "a taken seq": [[message(1, { id: "new" })], 0],
      "a taken id": [[message(3, { id: stored.id })], 0],
      "a taken client's id": [[message(3, { clientMessageId: "c-1" })], 0],
      "a seq twice in the batch": [[message(3), message(3, { id: "new" })], 1],
      "an id twice in the batch": [[message(3), message(4, { id: "chat#3" })], 1],
      "a client's id twice in the batch": [
        [message(3, { clientMessageId: "c-3" }), message(4, { clientMessageId: "c-3" })],
        1,
      ],
      "a conversation that is not there": [[message(1, { conversationId: "nowhere" })], 0],
    };

    for (const [what, [wrong, at]] of Object.entries(broken)) {
      test(what, async () => {
        const before = await store.conversation("chat");
        const parts: WriteBatch = batch({
          conversations: [conversation("second", ["alice", "carol"])],
          messages: [
            message(2, { clientMessageId: "c-2" }),
            message(1, { conversationId: "second" }),
            ...wrong,
          ],
          watermarks: [watermark("bob", 1, 1)],
          users: [{ userId: "carol", name: "Carol", lastSeenMs: 1 }],
          removedMembers: [{ conversationId: "chat", userId: "bob" }],
          addedMembers: [joining("carol", 2)],
        });
        expect(await refusal(parts)).toBe("STORAGE_UNAVAILABLE");
        const isKnown = wrong[at]?.clientMessageId === stored.clientMessageId;
        expect(await conflictsOf(parts)).toEqual([
          { index: 2 + at, first: isKnown ? identity(stored) : null },
        ]);

        expect(await store.conversation("chat")).toEqual(before);
        expect(await store.conversation("second")).toBeNull();
        expect(await store.conversationsOf(listOf("carol"))).toEqual([]);
        expect(await store.history({ conversationId: "chat", limit: 10 })).toEqual([stored]);
        expect(await store.messageById("chat#2")).toBeNull();
        expect(await store.messageByClientId("alice", "c-2")).toBeNull();
        expect(await store.users(["carol"])).toEqual([]);

        await commit({ ...parts, messages: [message(2, { clientMessageId: "c-2" })] });
        expect((await store.conversation("chat"))?.lastSeq).toBe(2);
      });
    }

    test("with all the messages that are to blame, which may be committed without them", async () => {
      const parts = batch({
        conversations: [conversation("second")],
        messages: [
          message(2, { clientMessageId: "c-1" }),
          message(1, { conversationId: "second" }),
          message(1, { id: "new" }),
          message(2, { id: stored.id, conversationId: "second" }),
        ],
      });
      expect(await conflictsOf(parts)).toEqual([
        { index: 0, first: identity(stored) },
        { index: 2, first: null },
        { index: 3, first: null },
      ]);
      await commit({ ...parts, messages: parts.messages.slice(1, 2) });
      expect((await store.conversation("second"))?.lastSeq).toBe(1);
    });
  });
}
