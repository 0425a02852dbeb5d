import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { CommitConflict, type WriteBatch } from "../../src/chat/chat-writes.ts";
import type { ChatStore } from "../../src/chat/ports.ts";
import type { StoredMessage } from "../../src/chat/stored-chats.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { refusalOf } from "../support/refusal.ts";
import {
  batch,
  conversation,
  EPOCH_MS,
  identity,
  joining,
  listOf,
  message,
  messages,
  watermark,
} from "../support/stored.ts";
import { chatChangesContract } from "./chat-changes.ts";
import { chatListsContract } from "./chat-lists.ts";
import { chatMembersContract } from "./chat-members.ts";
import { chatPositionsContract } from "./chat-positions.ts";
import { chatRemovalContract } from "./chat-removal.ts";
import { CONTENTS } from "./contents.ts";

/** What every ChatStore keeps. `factory` opens an empty storage, which the suite closes. */
export function chatStoreContract(name: string, factory: () => Storage | Promise<Storage>): void {
  describe(`${name} is a ChatStore`, () => {
    let storage: Storage;
    let store: ChatStore;

    beforeEach(async () => {
      storage = await factory();
      store = storage.chat;
    });
    afterEach(() => storage.close());

    const commit = (parts: Partial<WriteBatch>) => store.commit(batch(parts));
    const seqs = (list: readonly StoredMessage[]) => list.map(({ seq }) => seq);
    const conflictsOf = async (parts: Partial<WriteBatch>) => {
      const fault = await commit(parts).catch((error: unknown) => error);
      return fault instanceof CommitConflict ? fault.conflicts : fault;
    };
    const refusal = (parts: Partial<WriteBatch>) => refusalOf(() => commit(parts));

    describe("an empty store", () => {
      test("knows nothing", async () => {
        expect(await store.conversation("chat")).toBeNull();
        expect(await store.messageById("1")).toBeNull();
        expect(await store.messageByClientId("alice", "1")).toBeNull();
        expect(await store.history({ conversationId: "chat", limit: 10 })).toEqual([]);
        expect(await store.backlog("alice")).toEqual([]);
        expect(await store.lastMessagePerSender("chat", 0, 10, "alice")).toEqual([]);
        expect(await store.conversationsOf(listOf("alice"))).toEqual([]);
        expect(await store.users(["alice"])).toEqual([]);
        expect(await store.users([])).toEqual([]);
      });

      test("takes an empty batch", async () => {
        await commit({});
        expect(await store.conversationsOf(listOf("alice"))).toEqual([]);
      });
    });

    describe("conversations", () => {
      test("are read as they were written, members in the order of their joining", async () => {
        const profile = { title: "The three", picture: "https://example.com/three.png" };
        const group = {
          ...conversation("group", ["zoe", "adam", "mia"]),
          createdMs: 1,
          ...profile,
        };
        const members = group.members.map((member) =>
          member.userId === "adam" ? { ...member, role: "owner" as const } : member,
        );
        const created = { ...group, members };
        await commit({ conversations: [created] });
        expect(await store.conversation("group")).toEqual({
          id: "group",
          kind: "group",
          createdMs: 1,
          title: "The three",
          picture: "https://example.com/three.png",
          disappearAfterSeconds: null,
          lastSeq: 0,
          members: ["zoe", "adam", "mia"].map((userId) => ({
            userId,
            joinedSeq: 0,
            deliveredSeq: 0,
            readSeq: 0,
            role: userId === "adam" ? "owner" : "member",
          })),
        });
      });

      test("that exist are left as they are", async () => {
        await commit({ conversations: [conversation()], messages: messages(2) });
        await commit({ watermarks: [watermark("bob", 2, 1)] });
        const before = await store.conversation("chat");
        await commit({
          conversations: [
            { ...conversation("chat", ["mallory", "bob", "alice"]), createdMs: 5, title: "Other" },
          ],
          messages: [message(3)],
        });
        expect(await store.conversation("chat")).toEqual(
          before === null ? null : { ...before, lastSeq: 3 },
        );
        expect(await store.conversationsOf(listOf("mallory"))).toEqual([]);
      });

      test("named twice in a batch are created by the first naming", async () => {
        await commit({ conversations: [conversation(), conversation("chat", ["mallory", "eve"])] });
        const members = (await store.conversation("chat"))?.members;
        expect(members?.map(({ userId }) => userId)).toEqual(["alice", "bob"]);
      });

      test("count a member once that is named twice", async () => {
        await commit({ conversations: [conversation("self", ["alice", "alice", "bob"])] });
        const members = (await store.conversation("self"))?.members;
        expect(members?.map(({ userId }) => userId)).toEqual(["alice", "bob"]);
      });

      test("have the highest seq committed as lastSeq", async () => {
        await commit({ conversations: [conversation(), conversation("other")] });
        await commit({
          messages: [message(1), message(1, { conversationId: "other" }), message(2)],
        });
        expect((await store.conversation("chat"))?.lastSeq).toBe(2);
        expect((await store.conversation("other"))?.lastSeq).toBe(1);
      });

      test("keep their lastSeq when a lower seq comes late", async () => {
        await commit({ conversations: [conversation()], messages: [message(1), message(3)] });
        await commit({ messages: [message(2)] });
        expect((await store.conversation("chat"))?.lastSeq).toBe(3);
        const [overview] = await store.conversationsOf(listOf("bob", 1));
        expect(overview?.lastMessage).toEqual(message(3));
        expect(seqs(await store.history({ conversationId: "chat", limit: 5 }))).toEqual([1, 2, 3]);
      });

      test("are read as of the moment of reading", async () => {
        await commit({ conversations: [conversation()] });
        const before = await store.conversation("chat");
        await commit({ messages: [message(1)], watermarks: [watermark("bob", 1)] });
        expect(before?.lastSeq).toBe(0);
        expect(before?.members[1]?.deliveredSeq).toBe(0);
      });
    });

    describe("messages", () => {
      beforeEach(() => commit({ conversations: [conversation()] }));

      test("are found by id and by the client's id, every field kept", async () => {
        const full = message(1, { clientMessageId: "c-1", replyTo: "m-0", type: "IMAGE" });
        const bare = message(2, { recipientId: null });
        await commit({ messages: [full, bare] });
        expect(await store.messageById(full.id)).toEqual(full);
        expect(await store.messageById(bare.id)).toEqual(bare);
        expect(await store.messageByClientId("alice", "c-1")).toEqual(identity(full));
        expect(await store.messageByClientId("bob", "c-1")).toBeNull();
        expect(await store.messageByClientId("alice", "c-2")).toBeNull();
      });

      for (const [form, text] of CONTENTS) {
        test(`keep ${form}`, async () => {
          const fields = { content: text, senderName: text, replyTo: text, clientMessageId: text };
          const kept = message(1, fields);
          await commit({ messages: [kept] });
          expect(await store.messageById(kept.id)).toEqual(kept);
          expect(await store.messageByClientId("alice", text)).toEqual(identity(kept));
        });
      }

      test("with lone surrogates do not keep their batch from being written", async () => {
        const broken = "sur\ud83drogate";
        const fields = { content: broken, senderName: broken, replyTo: broken };
        const reaction = { kind: "react", messageId: "chat#1", userId: broken } as const;
        await commit({
          messages: [message(1, { ...fields, clientMessageId: broken }), message(2)],
          messageChanges: [
            { ...reaction, emoji: "\udc00", reactedMs: 1 },
            { kind: "edit", messageId: "chat#1", content: `${broken}\0`, editedMs: 2 },
          ],
          users: [{ userId: broken, name: broken, lastSeenMs: 1 }],
        });
        const kept = await store.messageById("chat#1");
        expect(kept?.content.toWellFormed()).toBe("sur\ufffdrogate\0");
        expect(kept?.senderName.toWellFormed()).toBe("sur\ufffdrogate");
        const reactions: string[][] = JSON.parse(kept?.reactions ?? "[]");
        expect(reactions.flat().map((text) => text.toWellFormed())).toEqual([
          ...["\ufffd", "sur\ufffdrogate"],
        ]);
        expect((await store.messageByClientId("alice", broken))?.seq).toBe(1);
        expect(await store.messageById("chat#2")).toEqual(message(2));
        expect(await store.users([broken])).toHaveLength(1);
      });

      test("keep a content of 1 MiB", async () => {
        const content = "0123456789abcdéf".repeat(65_536);
        await commit({ messages: [message(1, { content })] });
        expect((await store.messageById("chat#1"))?.content === content).toBe(true);
      });

      test("come in a batch of 1,000", async () => {
        await commit({ messages: messages(1_000) });
        expect((await store.conversation("chat"))?.lastSeq).toBe(1_000);
        const kept = await store.history({ conversationId: "chat", limit: 2_000 });
        expect(kept).toEqual(messages(1_000));
      });

      test("of different senders may have one client's id, and of one sender none many times", async () => {
        await commit({
          messages: [
            message(1, { clientMessageId: "c" }),
            message(2, { clientMessageId: "c", senderId: "bob" }),
            message(3),
            message(4),
          ],
        });
        expect((await store.messageByClientId("alice", "c"))?.seq).toBe(1);
        expect((await store.messageByClientId("bob", "c"))?.seq).toBe(2);
      });

      test("of different conversations count by themselves", async () => {
        await commit({
          conversations: [conversation("other")],
          messages: [message(1), message(1, { conversationId: "other" })],
        });
        expect(seqs(await store.history({ conversationId: "other", limit: 5 }))).toEqual([1]);
      });
    });

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

    test("a probe leaves nothing behind", async () => {
      await commit({ conversations: [conversation()], messages: messages(2) });
      const before = await store.conversationsOf(listOf("bob"));
      await store.probe();
      await store.probe();
      expect(await store.conversationsOf(listOf("bob"))).toEqual(before);
    });

    chatRemovalContract(() => store);
    chatMembersContract(() => store);
    chatListsContract(() => store);
    chatChangesContract(() => store);
    chatPositionsContract(() => store);

    describe("watermarks", () => {
      beforeEach(() => commit({ conversations: [conversation()], messages: messages(10) }));

      const marksOf = async (userId: string) => {
        const members = (await store.conversation("chat"))?.members ?? [];
        const member = members.find((each) => each.userId === userId);
        return [member?.deliveredSeq, member?.readSeq];
      };

      test("advance, each for itself", async () => {
        await commit({ watermarks: [watermark("bob", 4, 2)] });
        await commit({ watermarks: [watermark("bob", 4, 3)] });
        expect(await marksOf("bob")).toEqual([4, 3]);
        expect(await marksOf("alice")).toEqual([0, 0]);
      });

      test("never go back", async () => {
        await commit({ watermarks: [watermark("bob", 6, 5)] });
        await commit({ watermarks: [watermark("bob", 3, 7)] });
        expect(await marksOf("bob")).toEqual([6, 7]);
        await commit({ watermarks: [watermark("bob", 8, 1), watermark("bob", 2, 2)] });
        expect(await marksOf("bob")).toEqual([8, 7]);
      });

      test("of nobody's membership are nothing", async () => {
        await commit({
          watermarks: [watermark("mallory", 3), watermark("bob", 3, 0, "nowhere")],
        });
        expect((await store.conversation("chat"))?.members).toHaveLength(2);
        expect(await marksOf("bob")).toEqual([0, 0]);
      });

      test("may come with the conversation itself", async () => {
        await commit({
          conversations: [conversation("new")],
          messages: [message(1, { conversationId: "new" })],
          watermarks: [watermark("bob", 1, 1, "new")],
        });
        const marks = { deliveredSeq: 1, readSeq: 1, role: "member" as const };
        const bob = { userId: "bob", joinedSeq: 0, ...marks };
        expect((await store.conversation("new"))?.members[1]).toEqual(bob);
      });
    });

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
          messages: ["alice", "bob", "alice", "carol", "dave", "bob", "dave"].map(
            (senderId, index) => message(index + 1, { conversationId: "group", senderId }),
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

    describe("a user's conversations", () => {
      test("begin with the newest message; one without messages stands where it was made", async () => {
        const at = (conversationId: string, seq: number, afterMs: number) =>
          message(seq, { conversationId, timestampMs: EPOCH_MS + afterMs });
        await commit({
          conversations: ["old", "new", "middle", "empty"].map((id) => conversation(id)),
          messages: [at("old", 1, 1), at("new", 1, 2), at("middle", 1, 5), at("new", 2, 9)],
        });
        await commit({ conversations: [conversation("foreign", ["carol", "dave"])] });
        const list = await store.conversationsOf(listOf("bob"));
        expect(list.map(({ id }) => id)).toEqual(["new", "middle", "old", "empty"]);
        expect(list.map(({ lastMessage }) => lastMessage?.timestampMs)).toEqual([
          EPOCH_MS + 9,
          EPOCH_MS + 5,
          EPOCH_MS + 1,
          undefined,
        ]);
        expect(list[3]?.lastMessage).toBeNull();
        expect((await store.conversationsOf(listOf("bob", 2))).map(({ id }) => id)).toEqual([
          "new",
          "middle",
        ]);
        expect(await store.conversationsOf(listOf("bob", 0))).toEqual([]);
      });

      test("come with the whole last message, and where the user stands", async () => {
        await commit({
          conversations: [conversation(), conversation("group", ["zoe", "bob", "adam"])],
          messages: [...messages(3), message(1, { conversationId: "group", timestampMs: 1 })],
          watermarks: [watermark("bob", 3, 2)],
        });
        const [chat, group] = await store.conversationsOf(listOf("bob"));
        expect(chat).toEqual({
          id: "chat",
          kind: "direct",
          createdMs: EPOCH_MS,
          activeMs: EPOCH_MS + 3,
          title: null,
          picture: null,
          disappearAfterSeconds: null,
          lastSeq: 3,
          lastMessage: message(3),
          memberCount: 2,
          memberIds: ["alice", "bob"],
          joinedSeq: 0,
          deliveredSeq: 3,
          readSeq: 2,
          role: "member",
          mutedUntilMs: null,
          archivedMs: null,
          pinnedMs: null,
          unread: 1,
          unreadMentions: 0,
          othersDeliveredSeq: null,
          othersReadSeq: null,
        });
        expect(await store.conversationOf("bob", "chat")).toEqual(chat ?? null);
        expect(group).toMatchObject({
          id: "group",
          lastSeq: 1,
          lastMessage: { content: expect.any(String) },
        });
      });

      for (const [form, id] of CONTENTS) {
        test(`may have ${form} for an id`, async () => {
          const sent = message(1, { conversationId: id, senderId: id });
          await commit({
            conversations: [conversation(id, [id, "bob"])],
            messages: [sent],
            users: [{ userId: id, name: id, lastSeenMs: 1 }],
          });
          expect((await store.conversation(id))?.members[0]?.userId).toBe(id);
          const [only] = await store.conversationsOf(listOf("bob", 5));
          expect(only?.id).toBe(id);
          expect(only?.lastMessage).toEqual(sent);
          expect((await store.backlog("bob"))[0]?.conversationId).toBe(id);
          expect(await store.users([id])).toEqual([{ userId: id, name: id, lastSeenMs: 1 }]);
        });
      }
    });

    describe("users", () => {
      test("are overwritten by the later write, and told once each", async () => {
        const alice = { userId: "alice", name: "Alice", lastSeenMs: 1 };
        const bob = { userId: "bob", name: "Bob", lastSeenMs: 2 };
        await commit({ users: [alice, bob] });
        const renamed = { userId: "alice", name: "Alicia", lastSeenMs: 3 };
        await commit({ users: [{ ...renamed, name: "Al" }, renamed] });
        const known = await store.users(["bob", "nobody", "alice", "bob"]);
        expect(known.sort((a, b) => a.userId.localeCompare(b.userId))).toEqual([renamed, bob]);
      });
    });

    describe("a closed store", () => {
      test("refuses commits and reads, and may be closed again", async () => {
        await commit({ conversations: [conversation()] });
        await storage.close();
        await storage.close();
        expect(await refusal({ messages: [message(1)] })).toBe("STORAGE_UNAVAILABLE");
        const others: (() => unknown)[] = [
          () => store.probe(),
          () => store.removeExpired({ beforeMs: 1, keepLast: null, after: null, limit: 1 }),
          () => store.conversation("chat"),
          () => store.messageById("1"),
          () => store.messageByClientId("alice", "1"),
          () => store.history({ conversationId: "chat", limit: 1 }),
          () => store.backlog("bob"),
          () => store.lastMessagePerSender("chat", 0, 1, "bob"),
          () => store.conversationsOf(listOf("bob", 1)),
          () => store.users(["bob"]),
        ];
        for (const act of others) expect(await refusalOf(act)).toBe("STORAGE_UNAVAILABLE");
      });

      test("has finished the commit that was under way", async () => {
        const committed = commit({ conversations: [conversation()], messages: messages(100) });
        await storage.close();
        expect(await committed).toBeUndefined();
      });
    });
  });
}
