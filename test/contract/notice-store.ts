import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { CommitConflict } from "../../src/chat/chat-writes.ts";
import { DEFAULT_PREFERENCES } from "../../src/notify/preferences.ts";
import type { NoticeChannel } from "../../src/notify/provider.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { AT_ONCE, expandAll, NOW_MS, noticeKey, say, target } from "../support/noticed.ts";
import { refusalOf } from "../support/refusal.ts";
import { batch, conversation, EPOCH_MS, joining, message, watermark } from "../support/stored.ts";
import { dueNoticesContract } from "./due-notices.ts";
import { noticeOutcomesContract } from "./notice-outcomes.ts";
import { noticeTargetsContract } from "./notice-targets.ts";
import { outboxEventsContract } from "./outbox-events.ts";

const FAR_MS = EPOCH_MS + 1_000_000_000;

/**
 * What every store of notices does, with the outbox of its chats. `factory` opens an empty storage,
 * which the suite closes.
 */
export function noticeStoreContract(name: string, factory: () => Storage | Promise<Storage>): void {
  noticeTargetsContract(name, factory);
  dueNoticesContract(name, factory);
  noticeOutcomesContract(name, factory);
  outboxEventsContract(name, factory);

  describe(`${name} is a NoticeStore`, () => {
    let storage: Storage;

    beforeEach(async () => {
      storage = await factory();
    });
    afterEach(() => storage.close());

    /** Of what waits, whatever its time: target, conversation, last seq and when it is due. */
    async function waiting(channel: NoticeChannel = "webpush") {
      const due = await storage.notices.due(channel, FAR_MS, 10_000);
      return due
        .map(({ target: { id }, conversationId, lastSeq, dueMs }) => [
          ...[id, conversationId, lastSeq, dueMs - EPOCH_MS],
        ])
        .sort();
    }

    describe("of an outbox", () => {
      beforeEach(async () => {
        await storage.chat.commit(batch({ conversations: [conversation()] }));
        await storage.notices.putTarget(target("browser"));
      });

      test("has in it what a commit puts there, and nothing of one that was refused", async () => {
        await say(storage, message(1));
        const refused = [message(2, { id: "other" }), message(1, { id: "taken" })];
        const refusal = await say(storage, ...refused).catch((fault: unknown) => fault);
        expect(refusal).toBeInstanceOf(CommitConflict);
        await expandAll(storage.notices);
        expect(await waiting()).toEqual([["browser", "chat", 1, 1]]);
        // Of these only one.
        const messages = [message(2), message(3), message(4)];
        await storage.chat.commit(batch({ messages, outbox: ["chat#3"] }));
        await expandAll(storage.notices);
        expect(await waiting()).toEqual([["browser", "chat", 3, 1]]);
      });

      test("takes each entry once, up to the limit, the oldest first", async () => {
        await storage.chat.commit(
          batch({ conversations: ["a", "b", "c"].map((id) => conversation(id)) }),
        );
        for (const conversationId of ["c", "a", "b"]) {
          await say(storage, message(1, { conversationId }));
        }
        const expansion = { limit: 1, nowMs: NOW_MS, channels: [AT_ONCE], webhooks: false };
        const found: unknown[] = [];
        for (const isMore of [true, true, false, false]) {
          expect(await storage.notices.expand(expansion)).toBe(isMore);
          found.push((await waiting()).map(([, conversationId]) => conversationId));
        }
        expect(found).toEqual([["c"], ["a", "c"], ["a", "b", "c"], ["a", "b", "c"]]);
        await storage.notices.settle([{ ...noticeKey(1, "browser", "a"), kind: "dropped" }]);
        await expandAll(storage.notices);
        expect(await waiting()).toHaveLength(2);
      });

      test("makes nothing of messages that have gone, or say nothing, by then, nor of events", async () => {
        await say(storage, ...[message(1), message(2), message(3, { event: "{}", type: "TITLE" })]);
        const deleted = { kind: "delete", messageId: "chat#2", deletedMs: NOW_MS } as const;
        await storage.chat.commit(batch({ messageChanges: [deleted] }));
        const portion = { beforeMs: EPOCH_MS + 2, keepLast: null, after: null, limit: 100 };
        expect((await storage.chat.removeExpired(portion)).removed).toBe(1);
        await expandAll(storage.notices);
        expect(await storage.notices.waiting()).toBe(0);
      });

      test("takes what nobody is told of, too", async () => {
        await say(storage, message(1));
        await expandAll(storage.notices, { channels: [] });
        await expandAll(storage.notices);
        expect(await waiting()).toEqual([]);
        expect(await storage.notices.waiting()).toBe(0);
      });
    });

    describe("of an expansion", () => {
      test("tells members who have not seen the message, and wish to be told", async () => {
        const users = ["alice", "bob", "reader", "muted", "heard", "blocker", "answered", "gone"];
        await storage.chat.commit(
          batch({
            conversations: [conversation("chat", users)],
            messages: [message(1), message(2, { senderId: "answered" })],
            outbox: ["chat#2"],
          }),
        );
        await storage.chat.commit(
          batch({
            addedMembers: [joining("late", 2), joining("just in time", 1)],
            removedMembers: [{ conversationId: "chat", userId: "gone" }],
            watermarks: [watermark("reader", 2, 2), watermark("bob", 2, 1)],
            preferences: [
              { conversationId: "chat", userId: "muted", mutedUntilMs: NOW_MS + 1 },
              { conversationId: "chat", userId: "heard", mutedUntilMs: NOW_MS },
            ],
          }),
        );
        await storage.blocks.put({ blockerId: "blocker", blockedId: "alice" }, true);
        await storage.blocks.put({ blockerId: "alice", blockedId: "bob" }, true);
        for (const userId of [...users, "late", "just in time", "stranger"]) {
          await storage.notices.putTarget(target(userId, { userId }));
        }
        await expandAll(storage.notices);
        // Not the one who wrote it, nor who has read it; the blocker blocks another one.
        const told = async () => (await waiting()).map(([id]) => id);
        expect(await told()).toEqual(["alice", "blocker", "bob", "heard", "just in time"]);
        for (const [id] of await waiting()) {
          await storage.notices.settle([{ ...noticeKey(2, `${id}`), kind: "dropped" }]);
        }
        await say(storage, message(3));
        await expandAll(storage.notices);
        expect(await told()).toEqual([
          ...["answered", "bob", "heard", "just in time", "late", "reader"],
        ]);
      });

      test("tells each target of the channels that there are, each by its own delay", async () => {
        await storage.chat.commit(batch({ conversations: [conversation()] }));
        const channels = ["webpush", "fcm", "apns", "email"] as const;
        for (const channel of channels) {
          await storage.notices.putTarget(target(channel, { channel }));
        }
        await storage.notices.putTarget(target("other browser"));
        await say(storage, message(1));
        await expandAll(storage.notices, {
          channels: [
            { channel: "webpush", delayMs: 0, intervalMs: 0 },
            { channel: "email", delayMs: 300, intervalMs: 900 },
          ],
        });
        expect(await waiting("webpush")).toEqual([
          ...[
            ["other browser", "chat", 1, 1],
            ["webpush", "chat", 1, 1],
          ],
        ]);
        expect(await waiting("email")).toEqual([["email", "chat", 1, 301]]);
        expect(await waiting("fcm")).toEqual([]);
        expect(await waiting("apns")).toEqual([]);
      });

      test("extends what waits, whose time stays while something of it is unread", async () => {
        await storage.chat.commit(batch({ conversations: [conversation()] }));
        await storage.notices.putTarget(target("browser"));
        const channels = [{ channel: "webpush", delayMs: 100, intervalMs: 0 }] as const;
        await say(storage, message(1), message(2));
        await expandAll(storage.notices, { channels });
        const [first] = await storage.notices.due("webpush", FAR_MS, 1);
        expect(first).toMatchObject({ lastSeq: 2, dueMs: EPOCH_MS + 101, createdMs: NOW_MS });
        const failed = { kind: "later", dueMs: EPOCH_MS + 500, attempts: 3 } as const;
        await storage.notices.settle([{ ...noticeKey(2), ...failed }]);
        await say(storage, message(3), message(4));
        await expandAll(storage.notices, { channels, nowMs: NOW_MS + 9 });
        const [extended] = await storage.notices.due("webpush", FAR_MS, 1);
        expect(extended).toMatchObject({ lastSeq: 4, dueMs: EPOCH_MS + 500, attempts: 3 });
        expect(extended?.createdMs).toBe(NOW_MS);
      });

      test("begins anew where all that it was about has been read, and then no sooner", async () => {
        await storage.chat.commit(batch({ conversations: [conversation()] }));
        await storage.notices.putTarget(target("browser"));
        const channels = [{ channel: "webpush", delayMs: 100, intervalMs: 0 }] as const;
        const tell = async (seq: number, timestampMs: number) => {
          await say(storage, message(seq, { timestampMs: EPOCH_MS + timestampMs }));
          await expandAll(storage.notices, { channels, nowMs: NOW_MS + seq });
        };
        const due = async () => {
          const [notice] = await storage.notices.due("webpush", FAR_MS, 1);
          if (notice === undefined) return expect.unreachable("nothing waits");
          const { dueMs, attempts, createdMs } = notice;
          return [dueMs - EPOCH_MS, attempts, createdMs - NOW_MS];
        };
        await tell(1, 1);
        await tell(2, 50);
        expect(await due()).toEqual([101, 0, 1]);
        await storage.chat.commit(batch({ watermarks: [watermark("bob", 1, 1)] }));
        await tell(3, 60);
        expect(await due()).toEqual([101, 0, 1]);
        await storage.chat.commit(batch({ watermarks: [watermark("bob", 3, 3)] }));
        await tell(4, 99);
        expect(await due()).toEqual([199, 0, 4]);
        await tell(5, 150);
        expect(await due()).toEqual([199, 0, 4]);
        const failed = { kind: "later", dueMs: EPOCH_MS + 900, attempts: 3 } as const;
        await storage.notices.settle([{ ...noticeKey(5), ...failed }]);
        await storage.chat.commit(batch({ watermarks: [watermark("bob", 5, 5)] }));
        await tell(6, 200);
        // What receives it has asked for that time.
        expect(await due()).toEqual([900, 0, 6]);
      });

      test("begins anew after what was sent, not before the interval is over", async () => {
        await storage.chat.commit(
          batch({ conversations: [conversation("soon"), conversation("chat")] }),
        );
        await storage.notices.putTarget(target("browser"));
        const soon = { conversationId: "soon" };
        await say(storage, message(1), message(1, soon));
        await expandAll(storage.notices);
        const sent = { kind: "sent", sentMs: EPOCH_MS + 1 } as const;
        await storage.notices.settle([
          { ...noticeKey(1), ...sent, nextMs: EPOCH_MS + 1_000 },
          { ...noticeKey(1, "browser", "soon"), ...sent, nextMs: EPOCH_MS + 2 },
        ]);
        expect(await waiting()).toEqual([]);
        await say(storage, message(2), message(2, soon));
        const channels = [{ channel: "webpush", delayMs: 100, intervalMs: 1_000 }] as const;
        await expandAll(storage.notices, { channels, nowMs: NOW_MS + 9 });
        expect(await waiting()).toEqual([
          ...[
            ["browser", "chat", 2, 1_000],
            ["browser", "soon", 2, 102],
          ],
        ]);
        const due = await storage.notices.due("webpush", FAR_MS, 10);
        expect(due.map(({ attempts, createdMs }) => [attempts, createdMs])).toEqual([
          ...[
            [0, NOW_MS + 9],
            [0, NOW_MS + 9],
          ],
        ]);
      });

      test("waits no longer than from now where a clock was ahead", async () => {
        const ids = ["chat", "other"];
        await storage.chat.commit(batch({ conversations: ids.map((id) => conversation(id)) }));
        await storage.notices.putTarget(target("browser"));
        const channels = [{ channel: "webpush", delayMs: 100, intervalMs: 5_000 }] as const;
        await say(storage, message(1));
        await expandAll(storage.notices, { channels });
        await storage.notices.settle([
          { ...noticeKey(1), kind: "sent", sentMs: FAR_MS, nextMs: FAR_MS + 5_000 },
        ]);
        const ahead = { timestampMs: FAR_MS };
        await say(storage, message(2, ahead), message(1, { ...ahead, conversationId: "other" }));
        await expandAll(storage.notices, { channels });
        expect(await waiting()).toEqual([
          ["browser", "chat", 2, NOW_MS - EPOCH_MS + 5_000],
          ["browser", "other", 1, NOW_MS - EPOCH_MS + 100],
        ]);
      });

      test("makes one notice of what one target is told of one conversation, however much it is", async () => {
        const conversations = ["a", "b"].map((id) => conversation(id, ["alice", "bob", "carol"]));
        await storage.chat.commit(batch({ conversations }));
        for (const userId of ["alice", "bob"]) {
          await storage.notices.putTarget(target(userId, { userId }));
        }
        const said = Array.from({ length: 300 }, (_, at) =>
          message(Math.floor(at / 2) + 1, {
            conversationId: at % 2 === 0 ? "a" : "b",
            senderId: at % 3 === 0 ? "alice" : "carol",
          }),
        );
        await say(storage, ...said);
        await expandAll(storage.notices);
        const last = (id: string, except: string) =>
          Math.max(
            ...said
              .filter(
                ({ conversationId, senderId }) => conversationId === id && senderId !== except,
              )
              .map(({ seq }) => seq),
          );
        const found = (await waiting()).map(([id, conversationId, seq]) => [
          ...[id, conversationId, seq],
        ]);
        expect(found).toEqual([
          ...[
            ["alice", "a", last("a", "alice")],
            ["alice", "b", last("b", "alice")],
          ],
          ...[
            ["bob", "a", 150],
            ["bob", "b", 150],
          ],
        ]);
      });

      test("tells a group of 1,000", async () => {
        const users = Array.from({ length: 1_000 }, (_, at) => `u${at}`);
        await storage.chat.commit(batch({ conversations: [conversation("chat", users)] }));
        await Promise.all(
          users.map((userId) => storage.notices.putTarget(target(userId, { userId }))),
        );
        for (const seq of [1, 2]) {
          await say(storage, message(seq, { senderId: `u${seq}` }));
          await expandAll(storage.notices);
        }
        expect(await storage.notices.waiting()).toBe(1_000);
        const due = await storage.notices.due("webpush", FAR_MS, 10_000);
        expect(new Set(due.map(({ target: { userId } }) => userId)).size).toBe(1_000);
        // The one who answered has seen what was there.
        const one = due.filter(({ lastSeq, unread }) => lastSeq === 1 && unread === null);
        expect(one.map(({ target: { userId } }) => userId)).toEqual(["u2"]);
        expect(due.filter(({ unread }) => unread !== null)).toHaveLength(999);
      });
    });

    test("takes nothing once it is closed, and says nothing", async () => {
      await storage.close();
      const { notices } = storage;
      const expansion = { limit: 1, nowMs: 1, channels: [], webhooks: false };
      for (const act of [
        () => notices.putTarget(target("t")),
        () => notices.removeTarget("bob", "t"),
        () => notices.putPreferences("bob", DEFAULT_PREFERENCES),
        () => notices.expand(expansion),
        () => notices.settle([{ ...noticeKey(1), kind: "dropped" }]),
        () => notices.replay(["l"], 1),
        async () => await notices.targetsOf("bob"),
        async () => await notices.due("email", 1, 1),
        async () => await notices.deadLetters(null, 1),
      ]) {
        expect(await refusalOf(act)).toBe("STORAGE_UNAVAILABLE");
      }
    });
  });
}
