import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { WriteBatch } from "../../src/chat/chat-writes.ts";
import type { ChatStore } from "../../src/chat/ports.ts";
import type { StoredMessage } from "../../src/chat/stored-chats.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { refusalOf } from "../support/refusal.ts";
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
import { chatChangesContract } from "./chat-changes.ts";
import { chatConflictsContract } from "./chat-conflicts.ts";
import { chatHistoryContract } from "./chat-history.ts";
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

    test("a probe leaves nothing behind", async () => {
      await commit({ conversations: [conversation()], messages: messages(2) });
      const before = await store.conversationsOf(listOf("bob"));
      await store.probe();
      await store.probe();
      expect(await store.conversationsOf(listOf("bob"))).toEqual(before);
    });

    chatConflictsContract(() => store);
    chatHistoryContract(() => store);
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
