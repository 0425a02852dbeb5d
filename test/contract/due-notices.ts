import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { DueNotice } from "../../src/notify/ports.ts";
import { DEFAULT_PREFERENCES } from "../../src/notify/preferences.ts";
import { MOST_COUNTED } from "../../src/notify/provider.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { expandAll, NOW_MS, noticeKey, say, target } from "../support/noticed.ts";
import { batch, conversation, EPOCH_MS, joining, message, watermark } from "../support/stored.ts";

/** What every NoticeStore says of what is due. */
export function dueNoticesContract(name: string, factory: () => Storage | Promise<Storage>): void {
  describe(`${name} says what is due`, () => {
    let storage: Storage;

    beforeEach(async () => {
      storage = await factory();
      const group = { ...conversation("chat", ["alice", "bob", "carol"]), title: "The \0 team" };
      await storage.chat.commit(batch({ conversations: [group] }));
      await storage.notices.putTarget(target("browser", { keys: "{}" }));
    });
    afterEach(() => storage.close());

    async function dueOne(): Promise<DueNotice> {
      const [due, ...others] = await storage.notices.due("webpush", NOW_MS, 10);
      expect(others).toEqual([]);
      if (due === undefined) return expect.unreachable("nothing is due");
      return due;
    }

    test("the first due first, up to the limit, of one channel", async () => {
      const ids = ["a", "b", "c", "d"];
      await storage.chat.commit(batch({ conversations: ids.map((id) => conversation(id)) }));
      await storage.notices.putTarget(target("phone", { channel: "fcm" }));
      for (const [at, conversationId] of ["c", "a", "d", "b"].entries()) {
        await say(storage, message(1, { conversationId, timestampMs: EPOCH_MS + at * 10 }));
      }
      const channels = [
        { channel: "webpush", delayMs: 5, intervalMs: 0 },
        { channel: "fcm", delayMs: 7, intervalMs: 0 },
      ] as const;
      await expandAll(storage.notices, { channels });
      const due = async (nowMs: number, limit: number, channel: "webpush" | "fcm" = "webpush") =>
        (await storage.notices.due(channel, EPOCH_MS + nowMs, limit)).map((each) => [
          ...[each.target.id, each.conversationId],
        ]);
      expect(await due(4, 10)).toEqual([]);
      expect(await due(5, 10)).toEqual([["browser", "c"]]);
      expect(await due(100, 3)).toEqual([
        ...[
          ["browser", "c"],
          ["browser", "a"],
        ],
        ["browser", "d"],
      ]);
      expect(await due(100, 0)).toEqual([]);
      expect(await due(7, 10, "fcm")).toEqual([["phone", "c"]]);
      const { notices } = storage;
      expect(await notices.due("webpush", EPOCH_MS + 100, 10, ["browser", "none"])).toEqual([]);
      expect(await notices.due("webpush", EPOCH_MS + 100, 1, ["phone"])).toHaveLength(1);
      expect(await notices.nextDueMs(["webpush", "fcm"])).toBe(EPOCH_MS + 5);
      expect(await notices.nextDueMs(["fcm"])).toBe(EPOCH_MS + 7);
      expect(await notices.nextDueMs(["email"])).toBeNull();
      expect(await notices.nextDueMs([])).toBeNull();
      await notices.settle([
        { ...noticeKey(1, "browser", "c"), kind: "later", dueMs: EPOCH_MS + 50, attempts: 1 },
      ]);
      expect(await notices.nextDueMs(["webpush"])).toBe(EPOCH_MS + 15);
      expect((await due(100, 10)).at(-1)).toEqual(["browser", "c"]);
    });

    test("with the target, the member and what the user wishes, all as of now", async () => {
      await say(storage, message(1, { content: "hello\0", senderName: "Al\u0001ice" }));
      await expandAll(storage.notices);
      const told = {
        ...{ target: target("browser", { keys: "{}" }), conversationId: "chat", lastSeq: 1 },
        ...{ dueMs: EPOCH_MS + 1, attempts: 0, createdMs: NOW_MS },
      };
      const newest = {
        ...{ id: "chat#1", seq: 1, senderId: "alice", senderName: "Al\u0001ice", type: "TEXT" },
        ...{ content: "hello\0", timestampMs: EPOCH_MS + 1, mentionsUser: false },
      };
      const unread = {
        ...({ kind: "group", title: "The \0 team", count: 1, mentions: 0 } as const),
        ...{ newest, newestMention: null },
      };
      expect(await dueOne()).toEqual({
        ...{ ...told, unread, preferences: null },
        member: { deliveredSeq: 0, readSeq: 0, mutedUntilMs: null },
      });
      const wishes = { ...DEFAULT_PREFERENCES, previews: false };
      await storage.notices.putPreferences("bob", wishes);
      const preferences = [{ conversationId: "chat", userId: "bob", mutedUntilMs: NOW_MS + 1 }];
      await storage.chat.commit(batch({ watermarks: [watermark("bob", 1)], preferences }));
      expect(await dueOne()).toEqual({
        ...{ ...told, unread, preferences: wishes },
        member: { deliveredSeq: 1, readSeq: 0, mutedUntilMs: NOW_MS + 1 },
      });
      await storage.chat.commit(batch({ watermarks: [watermark("bob", 1, 1)] }));
      expect(await dueOne()).toMatchObject({ member: { readSeq: 1 }, unread: null });
      await storage.chat.commit(
        batch({ removedMembers: [{ conversationId: "chat", userId: "bob" }] }),
      );
      expect(await dueOne()).toMatchObject({ ...told, member: null, unread: null });
    });

    test("counts others' messages up to the last one that it is about, as they are now", async () => {
      await say(
        storage,
        ...[1, 2, 3].map((seq) => message(seq)),
        message(4, { event: "{}", type: "TITLE" }),
        ...[5, 6, 7].map((seq) => message(seq, { senderId: seq === 6 ? "carol" : "alice" })),
      );
      await expandAll(storage.notices);
      await storage.chat.commit(
        batch({ messages: [message(8)], watermarks: [watermark("bob", 7, 1)] }),
      );
      const unread = async () => {
        const { unread } = await dueOne();
        return unread && { count: unread.count, seq: unread.newest.seq };
      };
      // Neither what is read nor the event, nor what came since.
      expect(await unread()).toEqual({ count: 5, seq: 7 });
      const edited = { kind: "edit", messageId: "chat#7", content: "now", editedMs: 9 } as const;
      await storage.chat.commit(batch({ messageChanges: [edited] }));
      expect((await dueOne()).unread?.newest.content).toBe("now");
      const gone = { kind: "delete", deletedMs: 9 } as const;
      await storage.chat.commit(batch({ messageChanges: [{ ...gone, messageId: "chat#7" }] }));
      expect(await unread()).toEqual({ count: 4, seq: 6 });
      await storage.blocks.put({ blockerId: "bob", blockedId: "carol" }, true);
      expect(await unread()).toEqual({ count: 3, seq: 5 });
      await storage.blocks.put({ blockerId: "bob", blockedId: "carol" }, false);
      // Who has answered has seen what was there.
      const answered = message(9, { senderId: "bob" });
      await storage.chat.commit(batch({ messages: [answered] }));
      expect(await unread()).toBeNull();
    });

    test("leaves out what was there before the member, and what they said", async () => {
      await say(storage, message(1), message(2), message(3));
      const again = { removedMembers: [{ conversationId: "chat", userId: "bob" }] };
      await storage.chat.commit(batch({ ...again, addedMembers: [joining("bob", 2)] }));
      await expandAll(storage.notices);
      expect((await dueOne()).unread).toMatchObject({ count: 1, newest: { seq: 3 } });
      const own = message(4, { senderId: "bob" });
      await say(storage, own, message(5));
      await expandAll(storage.notices);
      expect((await dueOne()).unread).toMatchObject({ count: 1, newest: { seq: 5 } });
    });

    test("tells nothing of what has disappeared, be it that nobody has deleted it yet", async () => {
      const fields = { mentions: '["bob"]', content: "secret" };
      await say(storage, message(1), message(2, { ...fields, expiresMs: NOW_MS }));
      await expandAll(storage.notices);
      expect((await dueOne()).unread).toMatchObject({
        ...{ count: 1, mentions: 0, newest: { seq: 1 }, newestMention: null },
      });
      await say(storage, message(3, { ...fields, expiresMs: NOW_MS + 1 }));
      await expandAll(storage.notices);
      expect((await dueOne()).unread).toMatchObject({
        ...{ count: 2, mentions: 1, newest: { seq: 3 }, newestMention: { seq: 3 } },
      });
    });

    test("has nothing to tell where all of it was deleted or removed", async () => {
      await say(storage, message(1), message(2));
      await expandAll(storage.notices);
      const gone = { kind: "delete", messageId: "chat#2", deletedMs: 9 } as const;
      await storage.chat.commit(batch({ messageChanges: [gone] }));
      const portion = { beforeMs: EPOCH_MS + 2, keepLast: null, after: null, limit: 100 };
      await storage.chat.removeExpired(portion);
      expect(await dueOne()).toMatchObject({ lastSeq: 2, unread: null });
    });

    test("counts no more than MOST_COUNTED", async () => {
      const count = MOST_COUNTED + 5;
      const messages = Array.from({ length: count }, (_, at) =>
        message(at + 1, { mentions: '["bob"]' }),
      );
      await storage.chat.commit(batch({ messages, outbox: [`chat#${count}`] }));
      await expandAll(storage.notices);
      const last = { seq: count };
      expect(await dueOne()).toMatchObject({
        unread: { count: MOST_COUNTED, mentions: MOST_COUNTED, newest: last, newestMention: last },
      });
    });

    test("with the newest message that names the user", async () => {
      const naming = (seq: number, mentions: string, senderId = "alice") =>
        message(seq, { mentions, senderId });
      await say(
        storage,
        ...[naming(1, '["bob"]'), naming(2, '["carol","bob"]'), naming(3, '["bob","carol"]')],
        ...[naming(4, '["carol"]'), naming(5, '["bob"]', "carol")],
      );
      await expandAll(storage.notices);
      await storage.chat.commit(batch({ watermarks: [watermark("bob", 1, 1)] }));
      const mentions = async () => {
        const { unread } = await dueOne();
        const { newest, newestMention } = unread ?? {};
        return [unread?.count, unread?.mentions, newest?.mentionsUser, newestMention?.seq];
      };
      expect(await mentions()).toEqual([4, 3, true, 5]);
      const gone = { kind: "delete", deletedMs: 9 } as const;
      await storage.chat.commit(batch({ messageChanges: [{ ...gone, messageId: "chat#5" }] }));
      expect(await mentions()).toEqual([3, 2, false, 3]);
      expect((await dueOne()).unread?.newestMention).toMatchObject({
        ...{ id: "chat#3", content: "message 3", mentionsUser: true },
      });
      const unnamed = { kind: "edit", content: "x", editedMs: 9, mentions: null } as const;
      await storage.chat.commit(
        batch({
          messageChanges: [
            { ...unnamed, messageId: "chat#3" },
            { ...unnamed, messageId: "chat#2", mentions: '["carol"]' },
          ],
        }),
      );
      expect(await mentions()).toEqual([3, 0, false, undefined]);
    });
  });
}
