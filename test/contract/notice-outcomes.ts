import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { NoticeKey, NoticeOutcome } from "../../src/notify/ports.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { expandAll, NOW_MS, noticeKey, say, target } from "../support/noticed.ts";
import { batch, conversation, EPOCH_MS, message } from "../support/stored.ts";

const NEXT_MS = NOW_MS + 1_000;
const FAR_MS = NOW_MS + 1_000_000;

const SENT = { kind: "sent", sentMs: NOW_MS + 5, nextMs: NEXT_MS } as const;

const dead = (letterId: string) => ({
  ...({ kind: "dead", letterId, attempts: 6, reason: "410 \0" } as const),
  ...{ diedMs: NOW_MS + 7, event: null },
});

/** Of the outcome of a notice, all but which one it is. */
type Fate = NoticeOutcome extends infer Each
  ? Each extends NoticeOutcome
    ? Omit<Each, keyof NoticeKey>
    : never
  : never;

/** What becomes of notices in every NoticeStore. */
export function noticeOutcomesContract(
  name: string,
  factory: () => Storage | Promise<Storage>,
): void {
  describe(`${name} settles notices`, () => {
    let storage: Storage;

    beforeEach(async () => {
      storage = await factory();
      await storage.chat.commit(batch({ conversations: [conversation()] }));
      await storage.notices.putTarget(target("browser"));
      await tell(1);
    });
    afterEach(() => storage.close());

    /** Of `chat`, that message. */
    async function tell(seq: number): Promise<void> {
      await say(storage, message(seq));
      await expandAll(storage.notices);
    }

    const settle = (lastSeq: number, fate: Fate) =>
      storage.notices.settle([{ ...noticeKey(lastSeq), ...fate }]);

    /** Of all that waits: its last seq, when it is due, attempts and since when it is there. */
    async function waiting() {
      const due = await storage.notices.due("webpush", FAR_MS, 100);
      return due.map(({ lastSeq, dueMs, attempts, createdMs }) => [
        ...[lastSeq, dueMs, attempts, createdMs],
      ]);
    }

    test("as sent, until there is more to tell and the interval is over", async () => {
      await settle(1, SENT);
      expect(await waiting()).toEqual([]);
      expect(await storage.notices.nextDueMs(["webpush"])).toBeNull();
      expect(await storage.notices.waiting()).toBe(0);
      await tell(2);
      expect(await waiting()).toEqual([[2, NEXT_MS, 0, NOW_MS]]);
    });

    test("as sent, but for what came meanwhile, which waits for the interval", async () => {
      await settle(1, { kind: "later", dueMs: NOW_MS, attempts: 2 });
      await tell(2);
      await settle(1, SENT);
      expect(await waiting()).toEqual([[2, NEXT_MS, 0, SENT.sentMs]]);
      await settle(2, { ...SENT, nextMs: NEXT_MS + 7 });
      await tell(3);
      expect(await waiting()).toEqual([[3, NEXT_MS + 7, 0, NOW_MS]]);
    });

    test("as dropped, but for what came meanwhile", async () => {
      await tell(2);
      await settle(1, { kind: "dropped" });
      expect(await waiting()).toEqual([[2, EPOCH_MS + 1, 0, NOW_MS]]);
      await settle(2, { kind: "dropped" });
      expect(await waiting()).toEqual([]);
      await tell(3);
      expect(await waiting()).toEqual([[3, EPOCH_MS + 3, 0, NOW_MS]]);
    });

    test("as to be looked at later, with what came meanwhile", async () => {
      await tell(2);
      await settle(1, { kind: "later", dueMs: NOW_MS + 3, attempts: 4 });
      expect(await waiting()).toEqual([[2, NOW_MS + 3, 4, NOW_MS]]);
    });

    test("as to be looked at by the last of several times", async () => {
      const at = (dueMs: number) =>
        ({ ...noticeKey(1), kind: "later", dueMs, attempts: 0 }) as const;
      await storage.notices.settle([at(NOW_MS + 30_000), at(NOW_MS + 3), at(NOW_MS + 7)]);
      expect(await storage.notices.nextDueMs(["webpush"])).toBe(NOW_MS + 7);
    });

    test("as dead letters, but for what came meanwhile", async () => {
      await settle(1, { kind: "later", dueMs: NOW_MS, attempts: 2 });
      await tell(2);
      await settle(1, dead("l1"));
      expect(await waiting()).toEqual([[2, NOW_MS + 7, 0, NOW_MS + 7]]);
      await settle(2, dead("l2"));
      expect(await waiting()).toEqual([]);
      const letter = {
        channel: "webpush" as const,
        ...{ userId: "bob", targetId: "browser", conversationId: "chat", eventId: null },
        ...{ eventType: null, attempts: 6, reason: "410 \0", diedMs: NOW_MS + 7 },
      };
      expect(await storage.notices.deadLetters(null, 10)).toEqual([
        { id: "l1", seq: 1, ...letter },
        { id: "l2", seq: 2, ...letter },
      ]);
    });

    test("as dead letters together with the event that tells of them, once", async () => {
      const event = (id: string) => ({
        ...{ id, type: "delivery.failed", lane: "user:bob", createdMs: NOW_MS, data: "{}" },
      });
      await storage.webhooks.add([event("before")]);
      await storage.notices.putTarget(target("phone"));
      await storage.notices.putTarget(target("silent"));
      await tell(2);
      for (let round = 0; round < 2; round += 1) {
        await storage.notices.settle([
          { ...noticeKey(2), ...dead("l1"), event: event("l1") },
          { ...noticeKey(2, "silent"), ...dead("l2") },
          { ...noticeKey(2, "phone"), ...dead("l3"), event: event("l3") },
          { ...noticeKey(2, "none"), ...dead("l4"), event: event("l4") },
        ]);
      }
      const told: string[] = [];
      for (;;) {
        const [first, ...others] = await storage.webhooks.due(FAR_MS, [], 10);
        if (first === undefined) break;
        expect(others).toEqual([]);
        told.push(first.id);
        await storage.webhooks.settle([{ kind: "sent", position: first.position }]);
      }
      expect(told).toEqual(["before", "l1", "l3"]);
    });

    test("leaves out those that are not there, in one transaction with the others", async () => {
      await storage.notices.putTarget(target("phone"));
      await tell(2);
      await storage.notices.removeTarget("bob", "browser");
      await storage.notices.settle([
        { ...noticeKey(2), ...dead("l1") },
        { ...noticeKey(2, "phone", "none"), kind: "dropped" },
        { ...noticeKey(2), ...SENT },
        { ...noticeKey(2, "phone"), ...dead("l2") },
        { ...noticeKey(2), kind: "later", dueMs: 1, attempts: 1 },
      ]);
      await storage.notices.settle([]);
      expect(await waiting()).toEqual([]);
      const letters = await storage.notices.deadLetters(null, 10);
      expect(letters.map(({ id }) => id)).toEqual(["l2"]);
    });

    test("once: what has been settled before is left as it is", async () => {
      await settle(1, SENT);
      for (const fate of [{ kind: "dropped" }, { ...SENT, nextMs: FAR_MS }, dead("l1")] as const) {
        await settle(1, fate);
      }
      await settle(1, { kind: "later", dueMs: NOW_MS, attempts: 1 });
      expect(await waiting()).toEqual([]);
      await tell(2);
      expect(await waiting()).toEqual([[2, NEXT_MS, 0, NOW_MS]]);
      // As where an answer was lost, and others have extended it.
      await settle(1, dead("l2"));
      await settle(1, dead("l2"));
      const letters = await storage.notices.deadLetters(null, 10);
      expect(letters.map(({ id }) => id)).toEqual(["l2"]);
    });

    test("counts what waits, in the outbox too", async () => {
      expect(await storage.notices.waiting()).toBe(1);
      await storage.notices.putTarget(target("mail", { channel: "email" }));
      await say(storage, message(2), message(3));
      expect(await storage.notices.waiting()).toBe(3);
      const channels = (["webpush", "email"] as const).map((channel) => ({
        ...{ channel, delayMs: 0, intervalMs: 0 },
      }));
      await expandAll(storage.notices, { channels });
      expect(await storage.notices.waiting()).toBe(2);
      await settle(3, SENT);
      expect(await storage.notices.waiting()).toBe(1);
    });

    test("forgets what was sent, when its interval is over, and nothing that waits", async () => {
      await storage.notices.putTarget(target("phone"));
      await tell(2);
      await settle(2, SENT);
      await storage.notices.forgetSent(NEXT_MS);
      await tell(3);
      // That was not forgotten: the interval is kept to.
      expect((await waiting()).map(([, dueMs]) => dueMs)).toEqual([EPOCH_MS + 2, NEXT_MS]);
      await settle(3, SENT);
      await storage.notices.forgetSent(NEXT_MS + 1);
      await tell(4);
      expect((await waiting()).map(([, dueMs]) => dueMs)).toEqual([EPOCH_MS + 2, EPOCH_MS + 4]);
    });

    test("forgets what waits to be sent by channels, and nothing that waits for others", async () => {
      await storage.notices.putTarget(target("mail", { channel: "email", address: "b@e.org" }));
      const channels = (["webpush", "email"] as const).map((channel) => ({
        ...{ channel, delayMs: 0, intervalMs: 0 },
      }));
      await say(storage, message(2));
      await expandAll(storage.notices, { channels });
      await storage.notices.forgetWaiting(["fcm", "email"]);
      expect(await storage.notices.nextDueMs(["email"])).toBeNull();
      expect((await waiting()).map(([lastSeq]) => lastSeq)).toEqual([2]);
      expect(await storage.notices.waiting()).toBe(1);
      await storage.notices.forgetWaiting([]);
      expect(await storage.notices.waiting()).toBe(1);
      // What comes later is told as if there had been nothing.
      await say(storage, message(3));
      await expandAll(storage.notices, { channels });
      expect(await storage.notices.due("email", NOW_MS, 10)).toMatchObject([{ lastSeq: 3 }]);
    });

    test("keeps to the interval of what was sent by a channel that is forgotten of", async () => {
      await tell(2);
      await settle(2, SENT);
      await storage.notices.forgetWaiting(["webpush"]);
      await tell(3);
      expect((await waiting()).map(([, dueMs]) => dueMs)).toEqual([NEXT_MS]);
    });

    describe("and has dead letters", () => {
      beforeEach(async () => {
        for (const id of ["l3", "l1", "l2"]) {
          await storage.chat.commit(batch({ conversations: [conversation(id)] }));
          await say(storage, message(1, { conversationId: id }));
          await expandAll(storage.notices);
          await storage.notices.settle([{ ...noticeKey(1, "browser", id), ...dead(id) }]);
        }
        await settle(1, { kind: "dropped" });
      });

      const ids = async (after: string | null, limit: number) =>
        (await storage.notices.deadLetters(after, limit)).map(({ id }) => id);

      test("which are listed in pages", async () => {
        expect(await ids(null, 2)).toEqual(["l1", "l2"]);
        expect(await ids("l2", 2)).toEqual(["l3"]);
        expect(await ids("l3", 2)).toEqual([]);
        expect(await ids(null, 0)).toEqual([]);
      });

      test("which are forgotten", async () => {
        await storage.notices.forgetLetters(["l3", "none", "l1"]);
        expect(await ids(null, 10)).toEqual(["l2"]);
        expect(await waiting()).toEqual([]);
      });

      test("which are due again, as if they had just been made", async () => {
        expect(await storage.notices.replay(["l3", "l1", "none", "l3"], NOW_MS + 50)).toBe(2);
        expect(await ids(null, 10)).toEqual(["l2"]);
        const due = await storage.notices.due("webpush", NOW_MS + 50, 10);
        expect(
          due
            .map(({ conversationId, attempts, dueMs, createdMs }) => [
              ...[conversationId, attempts, dueMs, createdMs],
            ])
            .toSorted(),
        ).toEqual([
          ...[
            ["l1", 0, NOW_MS + 50, NOW_MS + 50],
            ["l3", 0, NOW_MS + 50, NOW_MS + 50],
          ],
        ]);
        expect(due[0]?.unread?.count).toBe(1);
        expect(await storage.notices.replay(["l3"], NOW_MS)).toBe(0);
      });

      test("which are one with what waits of the conversation by then", async () => {
        await say(storage, message(2, { conversationId: "l1" }));
        await say(storage, message(2, { conversationId: "l2" }));
        await expandAll(storage.notices);
        const later = { kind: "later", dueMs: NOW_MS + 9_000, attempts: 5 } as const;
        await storage.notices.settle([
          { ...noticeKey(2, "browser", "l1"), ...later },
          { ...noticeKey(2, "browser", "l2"), ...SENT },
        ]);
        // A letter that is newer than the notice which waits.
        await say(storage, message(2, { conversationId: "l3" }));
        await expandAll(storage.notices);
        await storage.notices.settle([{ ...noticeKey(2, "browser", "l3"), ...dead("l4") }]);
        expect(await storage.notices.replay(["l4", "l3", "l2", "l1"], NOW_MS + 50)).toBe(4);
        const due = await storage.notices.due("webpush", NOW_MS + 50, 10);
        expect(
          due
            .map(({ conversationId, lastSeq, attempts, createdMs }) => [
              ...[conversationId, lastSeq, attempts, createdMs],
            ])
            .toSorted(),
        ).toEqual([
          ...[
            ["l1", 2, 0, NOW_MS + 50],
            ["l2", 2, 0, NOW_MS + 50],
          ],
          ["l3", 2, 0, NOW_MS + 50],
        ]);
      });

      test("which are only forgotten when their target has gone", async () => {
        await storage.notices.removeTarget("bob", "browser");
        expect(await storage.notices.replay(["l1", "l2"], NOW_MS)).toBe(0);
        expect(await ids(null, 10)).toEqual(["l3"]);
        expect(await storage.notices.nextDueMs(["webpush"])).toBeNull();
      });
    });
  });
}
