import { beforeEach, describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { WriteBatch } from "../../src/chat/chat-writes.ts";
import type { ChatStore, ListQuery } from "../../src/chat/ports.ts";
import {
  type ConversationOverview,
  MEMBERS_IN_OVERVIEW,
  type Preferences,
} from "../../src/chat/stored-chats.ts";
import {
  batch,
  conversation,
  EPOCH_MS,
  joining,
  listOf,
  message,
  messages,
  watermark,
} from "../support/stored.ts";

const NO_PROFILE = { title: null, picture: null, disappearAfterSeconds: null };

/** What a ChatStore tells of a user's conversations. `current` is the store of the running test. */
export function chatListsContract(current: () => ChatStore): void {
  describe("a user's list:", () => {
    let store: ChatStore;

    beforeEach(() => {
      store = current();
    });

    const commit = (parts: Partial<WriteBatch>) => store.commit(batch(parts));
    const idsOf = async (query: Partial<ListQuery> = {}) =>
      (await store.conversationsOf({ ...listOf("bob"), ...query })).map(({ id }) => id);
    const chatOf = async (userId: string) =>
      (await store.conversationOf(userId, "chat")) ?? expect.unreachable("no member");
    const prefer = (conversationId: string, preferences: Partial<Preferences>) =>
      commit({ preferences: [{ conversationId, userId: "bob", ...preferences }] });
    /** Conversations of bob, the last one made last. */
    const open = (...ids: readonly string[]) =>
      commit({
        conversations: ids.map((id, at) => ({ ...conversation(id), createdMs: EPOCH_MS + at })),
      });

    describe("unread", () => {
      beforeEach(() =>
        commit({ conversations: [conversation("chat", ["alice", "bob", "carol"])] }),
      );

      const unreadOf = async (userId: string) => (await chatOf(userId)).unread;

      test("are messages above the read mark, and after one's own last one", async () => {
        await commit({
          messages: [message(1), message(2, { senderId: "bob" }), message(3), message(4)],
        });
        const all = async () => [
          ...[await unreadOf("alice"), await unreadOf("bob"), await unreadOf("carol")],
        ];
        expect(await all()).toEqual([0, 2, 4]);
        await commit({ watermarks: [watermark("bob", 3, 3), watermark("carol", 4, 1)] });
        expect(await all()).toEqual([0, 1, 3]);
        await commit({ watermarks: [watermark("bob", 4, 4)] });
        expect(await unreadOf("bob")).toBe(0);
      });

      test("are no events, and nothing from before the joining", async () => {
        await commit({
          messages: [message(1), message(2, { event: '{"userId":"dave"}' }), message(3)],
          addedMembers: [joining("dave", 2)],
        });
        expect(await unreadOf("bob")).toBe(2);
        expect(await unreadOf("dave")).toBe(1);
      });

      test("are only those that are still kept", async () => {
        await commit({ messages: messages(10) });
        const rule = { beforeMs: null, keepLast: 3 };
        await store.removeExpired({ ...rule, after: null, limit: 100 });
        expect(await unreadOf("bob")).toBe(3);
      });

      test("are none after one's own message, however it comes with marks and events", async () => {
        await commit({
          messages: [message(1), message(2), message(3, { senderId: "bob" })],
          watermarks: [watermark("bob", 3, 1)],
        });
        expect(await unreadOf("bob")).toBe(0);
        await commit({ messages: [message(4)], watermarks: [watermark("bob", 4, 1)] });
        await commit({ messages: [message(5, { senderId: "bob", event: "{}" })] });
        expect(await unreadOf("bob")).toBe(1);
        await commit({
          messages: [message(6, { senderId: "bob" }), message(7)],
          watermarks: [watermark("bob", 6, 6)],
        });
        expect(await unreadOf("bob")).toBe(1);
      });

      test("are none for who joins and writes in one commit", async () => {
        await commit({ messages: messages(2) });
        await commit({
          messages: [message(3), message(4, { senderId: "dave" })],
          addedMembers: [joining("dave", 2)],
        });
        expect(await unreadOf("dave")).toBe(0);
      });

      test("is what is left of whatever is said, read, and removed", async () => {
        const sender = fc.constantFrom("alice", "bob", "carol");
        const step = fc.oneof(
          { weight: 6, arbitrary: fc.record({ senderId: sender, isEvent: fc.boolean() }) },
          {
            weight: 2,
            arbitrary: fc.record({
              readBy: sender,
              share: fc.double({ min: 0, max: 1, noNaN: true }),
            }),
          },
          { weight: 1, arbitrary: fc.record({ keepLast: fc.integer({ min: 1, max: 5 }) }) },
        );
        let run = 0;
        const property = fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
          const id = `run-${run++}`;
          const marks = new Map([
            ["alice", 0],
            ["bob", 0],
            ["carol", 0],
          ]);
          let kept: { seq: number; senderId: string; isEvent: boolean }[] = [];
          let seq = 0;
          await commit({ conversations: [conversation(id, [...marks.keys()])] });
          for (const each of steps) {
            if ("senderId" in each) {
              seq += 1;
              const fields = { conversationId: id, senderId: each.senderId };
              const event = each.isEvent ? "{}" : null;
              await commit({ messages: [message(seq, { ...fields, event })] });
              kept.push({ seq, ...each });
              if (!each.isEvent) marks.set(each.senderId, seq);
            } else if ("readBy" in each) {
              const readSeq = Math.floor(each.share * seq);
              await commit({ watermarks: [watermark(each.readBy, readSeq, readSeq, id)] });
              marks.set(each.readBy, Math.max(marks.get(each.readBy) ?? 0, readSeq));
            } else {
              const rule = { beforeMs: null, keepLast: each.keepLast };
              await store.removeExpired({ ...rule, after: null, limit: 10_000 });
              kept = kept.filter((one) => one.seq > seq - each.keepLast);
            }
          }
          for (const [userId, mark] of marks) {
            const unread = kept.filter((one) => one.seq > mark && !one.isEvent).length;
            expect((await store.conversationOf(userId, id))?.unread).toBe(unread);
          }
        });
        await fc.assert(property, { numRuns: 30 });
      });
    });

    test("says how far others have come with one's own last message, and with no other", async () => {
      await commit({
        conversations: [conversation("chat", ["alice", "bob", "carol"])],
        messages: messages(2),
        watermarks: [watermark("bob", 2, 1), watermark("carol", 1, 0), watermark("alice", 2, 2)],
      });
      const own = { othersDeliveredSeq: 1, othersReadSeq: 0 };
      expect(await chatOf("alice")).toMatchObject(own);
      const unknown = { othersDeliveredSeq: null, othersReadSeq: null };
      expect(await chatOf("bob")).toMatchObject(unknown);
      await commit({
        removedMembers: ["bob", "carol"].map((userId) => ({ conversationId: "chat", userId })),
      });
      expect(await chatOf("alice")).toMatchObject({ ...unknown, memberCount: 1 });
    });

    test("names some of the members of a large group", async () => {
      const memberIds = Array.from({ length: 50 }, (_, at) => `m-${String(at).padStart(2, "0")}`);
      await commit({ conversations: [conversation("chat", memberIds.toReversed())] });
      const overview = await chatOf("m-49");
      expect(overview.memberCount).toBe(50);
      expect(overview.memberIds).toEqual(memberIds.slice(0, MEMBERS_IN_OVERVIEW));
    });

    test("does not show the last message to who joined after it", async () => {
      await commit({
        conversations: [conversation("chat", ["alice", "bob", "carol"])],
        messages: messages(2),
        addedMembers: [joining("dave", 2)],
      });
      expect(await chatOf("dave")).toMatchObject({ lastSeq: 2, lastMessage: null });
      await commit({ messages: [message(3)] });
      expect((await chatOf("dave")).lastMessage).toEqual(message(3));
    });

    test("shows what is nobody's to nobody", async () => {
      await open("chat");
      expect(await store.conversationOf("mallory", "chat")).toBeNull();
      expect(await store.conversationOf("bob", "nowhere")).toBeNull();
    });

    test("has what is pinned at the top, the one pinned last first", async () => {
      await open("a", "b", "c", "d");
      await prefer("a", { pinnedMs: EPOCH_MS + 1 });
      await prefer("b", { pinnedMs: EPOCH_MS + 2 });
      expect(await idsOf()).toEqual(["b", "a", "d", "c"]);
      await prefer("b", { pinnedMs: null });
      expect(await idsOf()).toEqual(["a", "d", "c", "b"]);
      expect((await store.conversationsOf(listOf("alice"))).map(({ id }) => id)).toEqual([
        ...["d", "c", "b", "a"],
      ]);
    });

    test("has what is archived apart", async () => {
      await open("a", "b", "c");
      await prefer("b", { archivedMs: EPOCH_MS });
      expect(await idsOf()).toEqual(["c", "a"]);
      expect(await idsOf({ archived: true })).toEqual(["b"]);
      await prefer("b", { archivedMs: null });
      expect(await idsOf()).toEqual(["c", "b", "a"]);
    });

    test("keeps preferences apart: those that are not named stay, and go with the member", async () => {
      await open("chat");
      await prefer("chat", { mutedUntilMs: 7, pinnedMs: 8 });
      await prefer("chat", { archivedMs: 9, pinnedMs: null });
      const preferences = { mutedUntilMs: 7, archivedMs: 9, pinnedMs: null };
      expect(await chatOf("bob")).toMatchObject(preferences);
      await prefer("nowhere", { pinnedMs: 1 });
      await commit({ removedMembers: [{ conversationId: "chat", userId: "bob" }] });
      await prefer("chat", { pinnedMs: 1 });
      expect(await store.conversationOf("bob", "chat")).toBeNull();
      await commit({ addedMembers: [joining("bob", 0)] });
      expect(await chatOf("bob")).toMatchObject({ mutedUntilMs: null, archivedMs: null });
    });

    test("comes in pages that hold each conversation once, whatever they have in common", async () => {
      const ids = Array.from({ length: 23 }, (_, at) => `c-${at}`);
      await commit({
        conversations: ids.map((id, at) => ({
          ...conversation(id),
          createdMs: EPOCH_MS + Math.floor(at / 5),
        })),
      });
      for (const [at, id] of ids.entries()) {
        if (at % 4 === 0) await prefer(id, { pinnedMs: EPOCH_MS + (at % 8) });
      }
      const whole = await idsOf({ limit: 100 });
      expect(whole.toSorted()).toEqual(ids.toSorted());
      for (const limit of [1, 2, 7, 23]) {
        const paged: string[] = [];
        let after: ListQuery["after"] = null;
        for (;;) {
          const page: ConversationOverview[] = await store.conversationsOf({
            ...{ userId: "bob", archived: false, after, limit },
          });
          paged.push(...page.map(({ id }) => id));
          const last = page.at(-1);
          if (last === undefined) break;
          after = { pinnedMs: last.pinnedMs ?? 0, activeMs: last.activeMs, id: last.id };
        }
        expect(paged).toEqual(whole);
      }
    });

    test("counts the unread messages that mention the user, and those alone", async () => {
      const naming = (seq: number, ...userIds: string[]) =>
        message(seq, { mentions: JSON.stringify(userIds) });
      await commit({
        conversations: [conversation("chat", ["alice", "bob", "carol"])],
        messages: [
          ...[naming(1, "bob"), message(2), naming(3, "bob", "carol"), naming(4, "carol")],
          naming(5, "bob"),
        ],
      });
      const counts = async (userId: string) => {
        const { unread, unreadMentions } = await chatOf(userId);
        return [unread, unreadMentions];
      };
      expect([await counts("bob"), await counts("carol")]).toEqual([
        [5, 3],
        [5, 2],
      ]);
      await commit({ watermarks: [watermark("bob", 5, 1)] });
      expect(await counts("bob")).toEqual([4, 2]);
      const deletion = { kind: "delete", messageId: message(3).id, deletedMs: 9 } as const;
      await commit({ messageChanges: [deletion] });
      expect([await counts("bob"), await counts("carol")]).toEqual([
        [4, 1],
        [5, 1],
      ]);
      await store.removeExpired({ beforeMs: null, keepLast: 1, after: null, limit: 100 });
      expect([await counts("bob"), await counts("carol")]).toEqual([
        [1, 1],
        [1, 0],
      ]);
    });

    test("has roles and profiles as they were written last, of what is there", async () => {
      await commit({ conversations: [conversation("chat", ["alice", "bob", "carol"])] });
      const profile = {
        ...{ title: "The team", picture: "https://example.com/1.png" },
        disappearAfterSeconds: 60,
      };
      await commit({
        roles: [
          { conversationId: "chat", userId: "bob", role: "admin" },
          { conversationId: "chat", userId: "mallory", role: "owner" },
        ],
        profiles: [
          { conversationId: "chat", ...profile },
          { conversationId: "nowhere", ...profile, title: "Nothing" },
        ],
      });
      expect(await chatOf("bob")).toMatchObject({ role: "admin", ...profile });
      expect(await chatOf("carol")).toMatchObject({ role: "member", ...profile });
      expect(await store.conversation("chat")).toMatchObject({
        ...profile,
        members: [{ role: "member" }, { role: "admin" }, { role: "member" }],
      });
      await commit({
        addedMembers: [{ ...joining("dave", 0), role: "admin" }],
        profiles: [{ conversationId: "chat", ...NO_PROFILE }],
      });
      expect(await chatOf("dave")).toMatchObject({ role: "admin", ...NO_PROFILE });
    });
  });
}
