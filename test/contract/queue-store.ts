import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { QueueBatch, QueueStore, StoredQueueMessage } from "../../src/broker/queue-store.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { refusalOf } from "../support/refusal.ts";
import { batch, conversation, message, messages } from "../support/stored.ts";
import { job, jobs, queueBatch } from "../support/stored-jobs.ts";
import { CONTENTS } from "./contents.ts";

/** What every QueueStore keeps. `factory` opens an empty storage, which the suite closes. */
export function queueStoreContract(name: string, factory: () => Storage | Promise<Storage>): void {
  describe(`${name} is a QueueStore`, () => {
    let storage: Storage;
    let store: QueueStore;

    beforeEach(async () => {
      storage = await factory();
      store = storage.queues;
    });
    afterEach(() => storage.close());

    const commit = (parts: Partial<QueueBatch>) => store.commit(queueBatch(parts));
    const refusal = (parts: Partial<QueueBatch>) => refusalOf(() => commit(parts));
    const numbers = async () => (await store.messages()).map(({ id }) => Number(id.slice(4)));
    const ids = (...wanted: number[]) => wanted.map((number) => job(number).id);

    /** Keeps one message and gives back what became of it. */
    const kept = async (fields: Partial<StoredQueueMessage>) => {
      await commit({ appended: [job(1, fields)] });
      return (await store.messages())[0];
    };

    describe("an empty store", () => {
      test("has no messages", async () => {
        expect(await store.messages()).toEqual([]);
      });

      test("takes an empty batch", async () => {
        await commit({});
        expect(await store.messages()).toEqual([]);
      });
    });

    describe("the order is that of the appending", () => {
      test("in a commit, over several, and over queues", async () => {
        const other = job(4, { queue: "/queue/other" });
        await commit({ appended: [job(3), job(1)] });
        await commit({ appended: [other] });
        await commit({ appended: [job(2)] });
        expect(await store.messages()).toEqual([job(3), job(1), other, job(2)]);
      });

      test("also when the first ones, the middle ones or the last ones were removed", async () => {
        await commit({ appended: jobs(6) });
        await commit({ removed: ids(1, 3, 6), appended: [job(7)] });
        await commit({ removed: ids(7, 5) });
        await commit({ appended: [job(8)] });
        expect(await numbers()).toEqual([2, 4, 8]);
      });

      test("also when all were removed", async () => {
        await commit({ appended: jobs(3) });
        await commit({ removed: ids(1, 2, 3) });
        await commit({ appended: [job(5), job(4)] });
        await commit({ appended: [job(1)] });
        expect(await numbers()).toEqual([5, 4, 1]);
      });

      test("and redelivery does not change it", async () => {
        await commit({ appended: jobs(3) });
        await commit({ redelivered: [{ id: job(1).id, deliveries: 1 }] });
        expect(await numbers()).toEqual([1, 2, 3]);
      });

      test("for 10,000 messages in one commit, half of them removed in the next", async () => {
        await commit({ appended: jobs(10_000) });
        expect(await store.messages()).toEqual(jobs(10_000));
        const odd = jobs(10_000).filter((_, index) => index % 2 === 0);
        await commit({ removed: odd.map(({ id }) => id), appended: jobs(2, 10_001) });
        const rest = await numbers();
        expect(rest).toHaveLength(5_002);
        expect(rest).toEqual(rest.toSorted((a, b) => a - b));
      });
    });

    describe("a message comes back as it was given:", () => {
      for (const [form, text] of CONTENTS) {
        test(`${form} in its queue, headers and body`, async () => {
          const fields = { queue: text, headers: [text, text, "b", ""], body: text };
          expect(await kept(fields)).toEqual(job(1, fields));
        });
      }

      test("its headers, none of them, and repeated ones", async () => {
        const repeated = ["a", "1", "a", "2", "__proto__", "x"];
        await commit({ appended: [job(1, { headers: [] }), job(2, { headers: repeated })] });
        const lists = (await store.messages()).map(({ headers }) => headers);
        expect(lists).toEqual([[], repeated]);
      });

      test("a text of digits as text", async () => {
        expect((await kept({ body: "0123" }))?.body).toBe("0123");
      });

      test("every byte", async () => {
        const body = Uint8Array.from({ length: 256 }, (_, index) => index);
        expect(bytesOf(await kept({ body }))).toEqual([...body]);
      });

      test("no bytes, which are not an empty text", async () => {
        const message = await kept({ body: new Uint8Array(0) });
        expect(message?.body).toBeInstanceOf(Uint8Array);
        expect(message?.body).toHaveLength(0);
      });

      test("bytes that are a part of others", async () => {
        const body = Buffer.from("before, within, after").subarray(8, 14);
        expect(bytesOf(await kept({ body }))).toEqual([...Buffer.from("within")]);
      });

      test("a text of 128 KiB", async () => {
        const body = "0123456789abcdéf".repeat(8_192);
        expect((await kept({ body }))?.body === body).toBe(true);
      });

      test("128 KiB of bytes", async () => {
        const body = crypto.getRandomValues(new Uint8Array(65_536));
        const twice = Buffer.concat([body, body]);
        const message = await kept({ body: twice });
        expect(twice.equals(Buffer.from(bytesOf(message)))).toBe(true);
      });

      test("its expiry, or that it has none", async () => {
        const expiring = job(1, { expiresMs: 1_732_320_000_123 });
        await commit({ appended: [expiring, job(2, { expiresMs: null })] });
        expect(await store.messages()).toEqual([expiring, job(2)]);
      });

      test("how often it was delivered before", async () => {
        expect((await kept({ deliveries: 7 }))?.deliveries).toBe(7);
      });
    });

    test("a text with a lone surrogate does not keep the batch from being written", async () => {
      const headers = ["sur\udc00rogate", "\ud800"];
      const broken = job(1, { body: "sur\ud83drogate", headers });
      await commit({ appended: [broken, job(2)] });
      const [first, second] = await store.messages();
      expect(String(first?.body).toWellFormed()).toBe("sur\ufffdrogate");
      expect(first?.headers.map((text) => text.toWellFormed())).toEqual([
        "sur\ufffdrogate",
        "\ufffd",
      ]);
      expect(second).toEqual(job(2));
    });

    test("what the caller's object has besides, and what it becomes, is not kept", async () => {
      const mine = { ...job(1), headers: ["a", "1"], consumer: "c" };
      await commit({ appended: [mine] });
      mine.deliveries = 9;
      mine.headers.push("b", "2");
      expect(await store.messages()).toEqual([job(1, { headers: ["a", "1"] })]);
    });

    describe("removal", () => {
      test("is of those named, and of unknown ones nothing", async () => {
        await commit({ appended: jobs(3) });
        await commit({ removed: ids(2, 99) });
        await commit({ removed: ids(2, 2) });
        expect(await numbers()).toEqual([1, 3]);
      });

      test("precedes the appending in its batch", async () => {
        await commit({ appended: jobs(2) });
        const again = job(1, { body: "again" });
        await commit({ removed: ids(1, 3), appended: [again, job(3)] });
        expect(await store.messages()).toEqual([job(2), again, job(3)]);
      });
    });

    describe("a count of deliveries", () => {
      test("is overwritten, the last one counts, and nothing else changes", async () => {
        await commit({ appended: jobs(2) });
        await commit({
          redelivered: [
            { id: "job#1", deliveries: 1 },
            { id: "job#1", deliveries: 2 },
          ],
        });
        expect(await store.messages()).toEqual([job(1, { deliveries: 2 }), job(2)]);
      });

      test("may be of a message of its batch, and of an unknown one is nothing", async () => {
        const redelivered = ids(1, 2, 99).map((id) => ({ id, deliveries: 3 }));
        await commit({ appended: [job(2)] });
        await commit({ removed: ids(2), appended: [job(1)], redelivered });
        expect(await store.messages()).toEqual([job(1, { deliveries: 3 })]);
      });
    });

    describe("a commit is refused and leaves nothing of it with", () => {
      const taken: Record<string, readonly StoredQueueMessage[]> = {
        "a taken id": [job(3), job(2, { queue: "/queue/other" })],
        "an id twice in the batch": [job(3), job(4), job(3)],
      };

      for (const [what, appended] of Object.entries(taken)) {
        test(what, async () => {
          const before = [job(1), job(2, { body: Uint8Array.of(1) })];
          await commit({ appended: before });
          const redelivered = [{ id: "job#2", deliveries: 1 }];
          expect(await refusal({ removed: ids(1), appended, redelivered })).toBe(
            "STORAGE_UNAVAILABLE",
          );
          expect(await store.messages()).toEqual(before);
          await commit({ removed: ids(1), appended: [job(3)] });
          expect(await numbers()).toEqual([2, 3]);
        });
      }
    });

    test("commits of chats and queues at once are all done, each in its order", async () => {
      await storage.chat.commit(batch({ conversations: [conversation()] }));
      const written = Array.from({ length: 50 }, (_, index) => [
        storage.chat.commit(batch({ messages: [message(index + 1)] })),
        commit({ appended: jobs(2, 2 * index + 1), removed: ids(2 * index) }),
      ]);
      await Promise.all(written.flat());
      const history = await storage.chat.history({ conversationId: "chat", limit: 100 });
      expect(history).toEqual(messages(50));
      const odd = Array.from({ length: 50 }, (_, index) => 2 * index + 1);
      expect(await numbers()).toEqual([...odd, 100]);
    });

    test("a refused commit of queues harms no commit of chats beside it, nor the other way", async () => {
      await commit({ appended: [job(1)] });
      const [queues, chat] = await Promise.allSettled([
        commit({ appended: [job(1)] }),
        storage.chat.commit(batch({ conversations: [conversation()], messages: [message(1)] })),
      ]);
      expect([queues.status, chat.status]).toEqual(["rejected", "fulfilled"]);
      const [again, next] = await Promise.allSettled([
        storage.chat.commit(batch({ messages: [message(1)] })),
        commit({ appended: [job(2)] }),
      ]);
      expect([again.status, next.status]).toEqual(["rejected", "fulfilled"]);
      expect(await numbers()).toEqual([1, 2]);
    });

    test("a probe leaves nothing behind", async () => {
      await commit({ appended: [job(1)] });
      await store.probe();
      expect(await store.messages()).toEqual([job(1)]);
    });

    describe("a closed store", () => {
      test("refuses commits and reads", async () => {
        await commit({ appended: [job(1)] });
        await storage.close();
        expect(await refusal({ appended: [job(2)] })).toBe("STORAGE_UNAVAILABLE");
        expect(await refusal({})).toBe("STORAGE_UNAVAILABLE");
        expect(await refusalOf(() => store.messages())).toBe("STORAGE_UNAVAILABLE");
        expect(await refusalOf(() => store.probe())).toBe("STORAGE_UNAVAILABLE");
      });

      test("has finished the commit that was under way", async () => {
        const committed = commit({ appended: jobs(100) });
        await storage.close();
        expect(await committed).toBeUndefined();
      });
    });
  });
}

function bytesOf(message: StoredQueueMessage | undefined): number[] {
  if (!(message?.body instanceof Uint8Array)) throw new Error("the body is not bytes");
  return [...message.body];
}
