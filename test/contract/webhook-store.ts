import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  MESSAGE_CREATED,
  type WebhookEvent,
  type WebhookStore,
} from "../../src/notify/webhook-ports.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { refusalOf } from "../support/refusal.ts";
import { batch, conversation, EPOCH_MS, message } from "../support/stored.ts";

/** What every WebhookStore keeps. `factory` opens an empty storage, which the suite closes. */
export function webhookStoreContract(
  name: string,
  factory: () => Storage | Promise<Storage>,
): void {
  describe(`${name} is a WebhookStore`, () => {
    let storage: Storage;
    let store: WebhookStore;

    beforeEach(async () => {
      storage = await factory();
      store = storage.webhooks;
    });
    afterEach(() => storage.close());

    const LATE = EPOCH_MS + 1_000_000;

    const event = (
      lane: string,
      id: string,
      createdMs = EPOCH_MS,
      fields: Partial<WebhookEvent> = {},
    ): WebhookEvent => ({
      ...{ id, type: "presence.changed", lane, createdMs, data: `{"id":"${id}"}` },
      ...fields,
    });
    const dueIds = async (nowMs = LATE, busyLanes: string[] = [], limit = 100) =>
      (await store.due(nowMs, busyLanes, limit)).map(({ id }) => id);
    const positionOf = async (id: string) => {
      const found = (await store.due(LATE, [], 100)).find((each) => each.id === id);
      if (found === undefined) throw new Error(`${id} is not due`);
      return found.position;
    };
    const sent = async (id: string) =>
      store.settle([{ kind: "sent", position: await positionOf(id) }]);

    test("keeps an event as it is, until it is sent", async () => {
      const added = event("alice", "a", EPOCH_MS, { data: '{"text":"„\\u0000“ 😀"}' });
      await store.add([added]);
      const due = await store.due(EPOCH_MS, [], 10);
      const position = expect.any(Number);
      expect(due).toEqual([{ ...added, position, attempts: 0, message: null }]);
      await sent("a");
      expect(await dueIds()).toEqual([]);
      expect(await store.nextDueMs([])).toBeNull();
    });

    test("tells what an event is about as that is now", async () => {
      const said = message(1);
      const [first, second] = ["chat#1", "chat#2"];
      await storage.chat.commit(batch({ conversations: [conversation()], messages: [said] }));
      const about = { type: MESSAGE_CREATED, data: null };
      await store.add([event("chat", first, said.timestampMs, about)]);
      await store.add([event("else", second, said.timestampMs, about)]);
      const messages = async () => (await store.due(LATE, [], 10)).map((each) => each.message);
      expect(await messages()).toEqual([said, null]);
      const change = { kind: "delete", messageId: said.id, deletedMs: LATE } as const;
      await storage.chat.commit(batch({ messageChanges: [change] }));
      expect(await messages()).toEqual([{ ...said, content: "", deletedMs: LATE }, null]);
      const rule = { beforeMs: LATE, keepLast: null, after: null, limit: 10 };
      await storage.chat.removeExpired(rule);
      expect(await messages()).toEqual([null, null]);
    });

    test("lets one event of a lane be due at a time, in the order of their adding", async () => {
      await store.add([event("alice", "a1"), event("bob", "b1"), event("alice", "a2")]);
      await store.add([event("alice", "a3"), event("bob", "b2")]);
      expect(await dueIds()).toEqual(["a1", "b1"]);
      await sent("a1");
      expect((await dueIds()).sort()).toEqual(["a2", "b1"]);
      await sent("a2");
      await sent("b1");
      expect((await dueIds()).sort()).toEqual(["a3", "b2"]);
      await sent("a3");
      await sent("b2");
      await store.add([event("alice", "a4")]);
      expect(await dueIds()).toEqual(["a4"]);
    });

    test("begins with what is due first", async () => {
      await store.add([event("a", "late", 3), event("b", "early", 1), event("c", "middle", 2)]);
      await store.add([event("d", "middle too", 2)]);
      expect(await dueIds()).toEqual(["early", "middle", "middle too", "late"]);
      expect(await dueIds(LATE, [], 2)).toEqual(["early", "middle"]);
      expect(await dueIds(1)).toEqual(["early"]);
      expect(await dueIds(0)).toEqual([]);
    });

    test("leaves lanes out that are busy", async () => {
      await store.add([event("a", "first", 1), event("b", "second", 2), event("c", "third", 3)]);
      expect(await dueIds(LATE, ["a", "none"], 1)).toEqual(["second"]);
      expect(await store.nextDueMs([])).toBe(1);
      expect(await store.nextDueMs(["a"])).toBe(2);
      expect(await store.nextDueMs(["a", "b", "c"])).toBeNull();
    });

    test("keeps what is to come later, and all behind it, until then", async () => {
      await store.add([event("alice", "a1"), event("alice", "a2")]);
      const position = await positionOf("a1");
      await store.settle([{ kind: "later", position, dueMs: LATE, attempts: 3 }]);
      expect(await dueIds(LATE - 1)).toEqual([]);
      expect(await store.nextDueMs([])).toBe(LATE);
      const [due] = await store.due(LATE, [], 10);
      expect(due).toMatchObject({ id: "a1", attempts: 3, position });
      await store.add([event("alice", "a3")]);
      expect(await dueIds()).toEqual(["a1"]);
      await sent("a1");
      expect(await dueIds(EPOCH_MS)).toEqual(["a2"]);
    });

    test("goes on behind an event that is dead", async () => {
      await store.add([event("alice", "a1"), event("alice", "a2")]);
      const dead = {
        ...({ kind: "dead", position: await positionOf("a1"), attempts: 4 } as const),
        ...{ letterId: Bun.randomUUIDv7(), reason: "status 500", diedMs: LATE },
      };
      await store.settle([dead]);
      expect(await dueIds()).toEqual(["a2"]);
      await store.settle([dead]);
      expect(await dueIds()).toEqual(["a2"]);
    });

    test("settles many at once, and leaves out what is not there any more", async () => {
      await store.add([event("a", "a1"), event("a", "a2"), event("b", "b1"), event("c", "c1")]);
      const positions = new Map(
        (await store.due(LATE, [], 10)).map(({ id, position }) => [id, position]),
      );
      const position = (id: string) => positions.get(id) ?? 0;
      const outcomes = [
        { kind: "sent", position: position("a1") },
        { kind: "later", position: position("b1"), dueMs: LATE + 1, attempts: 1 },
        { kind: "sent", position: position("c1") },
        { kind: "sent", position: 987_654 },
        { kind: "later", position: 987_655, dueMs: LATE, attempts: 1 },
      ] as const;
      await store.settle(outcomes);
      await store.settle(outcomes);
      expect(await dueIds(LATE + 1)).toEqual(["a2", "b1"]);
      await store.settle([]);
    });

    test("finds what is due beside a lane in which very much waits", async () => {
      const many = Array.from({ length: 5_000 }, (_, index) => event("busy", `m${index}`, 1));
      await store.add(many);
      await store.add([event("other", "one", 2)]);
      expect(await dueIds()).toEqual(["m0", "one"]);
      expect(await store.waiting()).toBe(5_001);
      await store.add(many);
      expect(await store.waiting()).toBe(10_000);
    });

    describe("adds events of messages anew", () => {
      const ids = Array.from({ length: 6 }, (_, index) =>
        Bun.randomUUIDv7("hex", EPOCH_MS + index * 10),
      );
      const said = (index: number, seq: number, conversationId: string) =>
        message(seq, {
          ...{ conversationId, id: ids[index] ?? "", timestampMs: EPOCH_MS + index * 10 },
        });

      beforeEach(async () => {
        await storage.chat.commit(
          batch({
            conversations: [conversation("one"), conversation("two")],
            messages: [
              ...[said(0, 1, "one"), said(1, 1, "two"), said(2, 2, "one")],
              // Of two nodes whose clocks differ.
              ...[said(4, 3, "one"), said(3, 4, "one"), said(5, 2, "two")],
            ],
          }),
        );
      });

      const sendAll = async () => {
        const told: string[] = [];
        for (;;) {
          const [first] = await store.due(LATE, [], 1);
          if (first === undefined) return told;
          const { position, message: about } = first;
          expect(first).toMatchObject({ type: MESSAGE_CREATED, data: null, id: about?.id });
          expect(first).toMatchObject({
            lane: about?.conversationId,
            createdMs: about?.timestampMs,
          });
          told.push(`${about?.conversationId} ${about?.seq}`);
          await store.settle([{ kind: "sent", position }]);
        }
      };

      test("from a time on, those of a conversation in their order", async () => {
        const added = await store.addAgain(EPOCH_MS + 10, null, 100);
        expect(added).toEqual({ count: 5, next: null });
        const told = await sendAll();
        expect(told.filter((each) => each.startsWith("one"))).toEqual(["one 2", "one 3", "one 4"]);
        expect(told.filter((each) => each.startsWith("two"))).toEqual(["two 1", "two 2"]);
      });

      test("in portions", async () => {
        const counts: number[] = [];
        let after: string | null = null;
        do {
          const added = await store.addAgain(0, after, 4);
          counts.push(added.count);
          after = added.next;
        } while (after !== null);
        expect(counts).toEqual([4, 2]);
        expect((await sendAll()).sort()).toEqual(
          ["one 1", "two 1", "one 2", "one 3", "one 4", "two 2"].sort(),
        );
      });

      test("and none where there are none", async () => {
        expect(await store.addAgain(EPOCH_MS + 51, null, 4)).toEqual({ count: 0, next: null });
        expect(await dueIds()).toEqual([]);
      });
    });

    test("takes nothing once it is closed", async () => {
      await storage.close();
      const position = 1;
      expect(await refusalOf(() => store.add([event("a", "b")]))).toBe("STORAGE_UNAVAILABLE");
      expect(await refusalOf(() => store.settle([{ kind: "sent", position }]))).toBe(
        "STORAGE_UNAVAILABLE",
      );
      expect(await refusalOf(() => store.due(0, [], 1))).toBe("STORAGE_UNAVAILABLE");
    });
  });
}
