import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { MESSAGE_CREATED } from "../../src/notify/webhook-ports.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { expandAll, NOW_MS, say, target } from "../support/noticed.ts";
import { batch, conversation, EPOCH_MS, message } from "../support/stored.ts";

/** What every NoticeStore makes of the outbox, and of dead letters, for webhooks. */
export function outboxEventsContract(
  name: string,
  factory: () => Storage | Promise<Storage>,
): void {
  describe(`${name} tells webhooks of what is in the outbox`, () => {
    let storage: Storage;

    beforeEach(async () => {
      storage = await factory();
      const conversations = ["chat", "other"].map((id) => conversation(id));
      await storage.chat.commit(batch({ conversations }));
    });
    afterEach(() => storage.close());

    const FAR_MS = NOW_MS + 1_000_000;

    /** Of all that waits the ids, in the order of their sending. */
    async function sendAll(): Promise<string[]> {
      const sent: string[] = [];
      for (;;) {
        const [first] = await storage.webhooks.due(FAR_MS, [], 1);
        if (first === undefined) return sent;
        sent.push(first.id);
        await storage.webhooks.settle([{ kind: "sent", position: first.position }]);
      }
    }

    test("each message, and each event of a conversation, in their order", async () => {
      await storage.notices.putTarget(target("browser"));
      const gone = { kind: "delete", messageId: "chat#2", deletedMs: NOW_MS } as const;
      await say(
        storage,
        ...[message(1), message(1, { conversationId: "other" }), message(2)],
        message(3, { event: "{}", type: "TITLE" }),
      );
      await storage.chat.commit(batch({ messageChanges: [gone] }));
      await expandAll(storage.notices, { webhooks: true });
      expect(await storage.webhooks.waiting()).toBe(4);
      const due = await storage.webhooks.due(NOW_MS, [], 10);
      const created = { type: MESSAGE_CREATED, attempts: 0, data: null };
      expect(due).toMatchObject([
        { id: "chat#1", lane: "chat", createdMs: EPOCH_MS + 1, ...created },
        { id: "other#1", lane: "other", createdMs: EPOCH_MS + 1, ...created },
      ]);
      expect(due[0]?.message).toMatchObject({ content: "message 1", senderId: "alice" });
      await say(storage, message(4));
      await expandAll(storage.notices, { webhooks: true, channels: [] });
      const sent = await sendAll();
      expect(sent.filter((id) => id.startsWith("chat"))).toEqual([
        ...["chat#1", "chat#2", "chat#3", "chat#4"],
      ]);
      expect(sent).toHaveLength(5);
      // Users are told at the same time.
      const [notice] = await storage.notices.due("webpush", NOW_MS, 10);
      expect(notice?.lastSeq).toBe(1);
    });

    test("nothing where there is no webhook, and nothing of what has gone", async () => {
      await say(storage, message(1));
      await expandAll(storage.notices);
      await say(storage, message(2));
      const portion = { beforeMs: EPOCH_MS + 3, keepLast: null, after: null, limit: 100 };
      await storage.chat.removeExpired(portion);
      await expandAll(storage.notices, { webhooks: true });
      expect(await storage.webhooks.waiting()).toBe(0);
    });

    test("of what could not be told before, when that is replayed, behind what waits", async () => {
      await say(storage, message(1), message(2));
      await expandAll(storage.notices, { webhooks: true });
      const presence = {
        ...{ id: "p", type: "presence.changed", lane: "alice", createdMs: EPOCH_MS },
        data: '{"a":"\\u0000"}',
      };
      await storage.webhooks.add([presence]);
      for (const letterId of ["l1", "l2", "l3"]) {
        const due = await storage.webhooks.due(FAR_MS, [], 10);
        const [first] = due.toSorted((a, b) => a.position - b.position);
        if (first === undefined) return expect.unreachable("nothing is due");
        const { position } = first;
        const dead = {
          kind: "dead",
          letterId,
          attempts: 9,
          reason: "500",
          diedMs: NOW_MS,
        } as const;
        await storage.webhooks.settle([{ ...dead, position }]);
      }
      const letters = await storage.notices.deadLetters(null, 10);
      expect(letters).toMatchObject([
        { id: "l1", channel: "webhook", eventId: "chat#1", eventType: MESSAGE_CREATED },
        { id: "l2", channel: "webhook", eventId: "chat#2", userId: null, targetId: null },
        { id: "l3", channel: "webhook", eventId: "p", eventType: "presence.changed" },
      ]);
      await say(storage, message(3));
      await expandAll(storage.notices, { webhooks: true });
      expect(await storage.notices.replay(["l1", "l2", "l3", "none"], NOW_MS)).toBe(3);
      expect(await storage.notices.deadLetters(null, 10)).toEqual([]);
      const due = await storage.webhooks.due(NOW_MS, [], 10);
      const added = { ...presence, position: expect.any(Number), attempts: 0, message: null };
      expect(due.find(({ id }) => id === "p")).toEqual(added);
      const told = (await sendAll()).filter((id) => id !== "p");
      expect(told).toEqual(["chat#3", "chat#1", "chat#2"]);
    });
  });
}
