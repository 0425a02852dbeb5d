import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  ClaimsLost,
  type LeaseId,
  type SharedQueueBatch,
  type SharedQueueStore,
} from "../../src/broker/shared-queue-store.ts";
import { job, jobs } from "../support/stored-jobs.ts";

export interface OpenSharedQueues {
  readonly store: SharedQueueStore;
  /** Resolves when leases of `LEASE_MS` that were made or renewed before have expired. */
  readonly expire: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Of the leases that are to expire. */
export const LEASE_MS = 50;

const LONG_MS = 600_000;
const QUEUE = "/queue/jobs";

/** What every SharedQueueStore keeps. `factory` opens an empty one, which the suite closes. */
export function sharedQueueStoreContract(
  name: string,
  factory: () => Promise<OpenSharedQueues>,
): void {
  describe(`${name} is a SharedQueueStore`, () => {
    let opened: OpenSharedQueues;
    let store: SharedQueueStore;

    beforeEach(async () => {
      opened = await factory();
      store = opened.store;
    });
    afterEach(() => opened.close());

    const ids = (...numbers: number[]) => numbers.map((number) => job(number).id);
    const numbersOf = (messages: readonly { readonly id: string }[]) =>
      messages.map(({ id }) => Number(id.slice(4)));
    const commit = (parts: Partial<SharedQueueBatch>) =>
      store.commit({
        ...{ claimant: null, returned: [], removed: [], appended: [], wanted: [] },
        ...parts,
      });
    const by = (lease: LeaseId, run = 1, undone: readonly number[] = []) => ({
      ...{ claimant: { lease, run, undone } },
    });
    const want = (limit: number, queue = QUEUE) => ({ wanted: [{ queue, limit }] });
    const claim = async (lease: LeaseId, limit: number, run = 1, queue = QUEUE) =>
      numbersOf((await commit({ ...by(lease, run), ...want(limit, queue) })).claimed);
    const faultOf = async (parts: Partial<SharedQueueBatch>) => {
      try {
        await commit(parts);
      } catch (fault) {
        return fault;
      }
      return null;
    };

    describe("a claim", () => {
      test("brings the first messages of its queue, complete and in order, to one lease alone", async () => {
        const [one, two] = [await store.enter(LONG_MS), await store.enter(LONG_MS)];
        const bytes = job(2, { body: Uint8Array.of(0, 255), headers: ["a", "1", "a", "2"] });
        const last = job(4, { expiresMs: 1_732_320_000_123, deliveries: 3 });
        await commit({ appended: [job(3), bytes, job(1, { queue: "/queue/other" }), last] });
        const { claimed } = await commit({ ...by(one), ...want(2) });
        expect(claimed).toEqual([job(3), bytes]);
        expect((await commit({ ...by(two), ...want(9) })).claimed).toEqual([last]);
        expect(await claim(one, 9, 2)).toEqual([]);
        expect(await claim(one, 9, 3, "/queue/other")).toEqual([1]);
      });

      test("takes what the same commit appends, and from several queues", async () => {
        const lease = await store.enter(LONG_MS);
        const other = job(3, { queue: "/queue/other" });
        const { claimed } = await commit({
          ...{ ...by(lease), appended: [job(1), other, job(2)] },
          wanted: [
            { queue: "/queue/other", limit: 5 },
            { queue: QUEUE, limit: 1 },
          ],
        });
        expect(claimed).toEqual([other, job(1)]);
      });

      test("is asked for by many at once, and no message goes to two of them", async () => {
        await commit({ appended: jobs(200) });
        const leases = await Promise.all(Array.from({ length: 4 }, () => store.enter(LONG_MS)));
        const got = await Promise.all(
          leases.flatMap((lease) => [1, 2, 3].map((run) => claim(lease, 10, run))),
        );
        const all = got.flat();
        expect(new Set(all).size).toBe(all.length);
        for (const part of got) expect(part).toEqual(part.toSorted((a, b) => a - b));
        const rest = (await Promise.all(leases.map((lease) => claim(lease, 200, 4)))).flat();
        expect(new Set([...all, ...rest]).size).toBe(200);
      });
    });

    describe("a claimed message", () => {
      test("is removed by its claimant alone", async () => {
        const [one, two] = [await store.enter(LONG_MS), await store.enter(LONG_MS)];
        await commit({ appended: jobs(3) });
        await claim(one, 2);
        await commit({ ...by(two), removed: ids(1, 3) });
        await commit({ ...by(one, 2), removed: ids(2, 99) });
        await store.leave(one);
        expect(await claim(two, 9, 2)).toEqual([1, 3]);
      });

      test("takes its old place, with its new count, when it is given back", async () => {
        const lease = await store.enter(LONG_MS);
        await commit({ appended: jobs(3) });
        await claim(lease, 2);
        const returned = [{ id: job(1).id, run: 1, deliveries: 4 }];
        const { returnedTo, claimed } = await commit({ ...by(lease, 2), returned, ...want(9) });
        expect(returnedTo).toEqual([QUEUE]);
        expect(claimed).toEqual([job(1, { deliveries: 4 }), job(3)]);
      });

      test("stays when another claim of it is given back, or another's", async () => {
        const [one, two] = [await store.enter(LONG_MS), await store.enter(LONG_MS)];
        await commit({ appended: jobs(1) });
        await claim(one, 1, 7);
        const returned = (run: number) => [{ id: job(1).id, run, deliveries: 1 }];
        expect((await commit({ ...by(one, 8), returned: returned(6) })).returnedTo).toEqual([]);
        expect((await commit({ ...by(two), returned: returned(7) })).returnedTo).toEqual([]);
        expect(await claim(two, 1, 2)).toEqual([]);
      });

      test("is given back with all others of a commit that is undone", async () => {
        const lease = await store.enter(LONG_MS);
        await commit({ appended: jobs(4) });
        await claim(lease, 2, 1);
        await claim(lease, 1, 2);
        const { returnedTo, claimed } = await commit({ ...by(lease, 3, [1]), ...want(9) });
        expect(returnedTo).toEqual([QUEUE]);
        expect(claimed).toEqual([job(1), job(2), job(4)]);
      });
    });

    test("a message is appended once, whatever was done with it", async () => {
      const lease = await store.enter(LONG_MS);
      await commit({ appended: jobs(2) });
      await claim(lease, 1);
      await commit({ appended: [job(1, { body: "again" }), job(3)] });
      expect(await claim(lease, 9, 2)).toEqual([2, 3]);
    });

    describe("a lease", () => {
      test("that was left gives back what it claimed, as delivered before", async () => {
        const [one, two] = [await store.enter(LONG_MS), await store.enter(LONG_MS)];
        await commit({ appended: [job(1), job(2, { deliveries: 5 })] });
        await claim(one, 2);
        expect(await store.leave(one)).toEqual([QUEUE]);
        expect(await store.leave(one)).toEqual([]);
        const { claimed } = await commit({ ...by(two), ...want(9) });
        expect(claimed.map(({ deliveries }) => deliveries)).toEqual([1, 5]);
      });

      test("is never the same as another one", async () => {
        const first = await store.enter(LONG_MS);
        await store.leave(first);
        expect(await store.enter(LONG_MS)).not.toBe(first);
      });

      test("that expired is ended by any node, and what it claimed was delivered once more", async () => {
        const one = await store.enter(LEASE_MS);
        const two = await store.enter(LONG_MS);
        await commit({ appended: [job(1), job(2, { deliveries: 5 }), job(3)] });
        await claim(one, 2);
        await claim(two, 1);
        await opened.expire();
        expect(await store.endExpired()).toEqual([QUEUE]);
        expect(await store.endExpired()).toEqual([]);
        const { claimed } = await commit({ ...by(two, 2), ...want(9) });
        expect(claimed).toEqual([job(1, { deliveries: 1 }), job(2, { deliveries: 6 })]);
      });

      test("that expired is good until it is ended, and can be renewed", async () => {
        const lease = await store.enter(LEASE_MS);
        await commit({ appended: jobs(1) });
        await opened.expire();
        expect(await claim(lease, 1)).toEqual([1]);
        expect(await store.renew(lease, LONG_MS)).toBe(true);
        expect(await store.endExpired()).toEqual([]);
      });

      test("that was ended claims, removes, gives back and appends nothing, and is not renewed", async () => {
        const [one, two] = [await store.enter(LEASE_MS), await store.enter(LONG_MS)];
        await commit({ appended: jobs(2) });
        await claim(one, 1);
        await opened.expire();
        await store.endExpired();
        expect(await store.renew(one, LONG_MS)).toBe(false);
        for (const parts of [
          want(1),
          { removed: ids(1), appended: [job(9)] },
          { returned: [{ id: job(1).id, run: 1, deliveries: 9 }] },
        ]) {
          expect(await faultOf({ ...by(one, 2), ...parts })).toBeInstanceOf(ClaimsLost);
        }
        const { claimed } = await commit({ ...by(two), ...want(9) });
        expect(claimed).toEqual([job(1, { deliveries: 1 }), job(2)]);
      });
    });

    test("what expired and is claimed by nobody is removed, so many at a time", async () => {
      const lease = await store.enter(LONG_MS);
      const expiring = [1, 2, 3].map((number) => job(number, { expiresMs: number }));
      await commit({ appended: [...expiring, job(4, { expiresMs: 900 }), job(5)] });
      await claim(lease, 1);
      await store.removeExpired(500, 1);
      expect(await store.counts()).toEqual([{ queue: QUEUE, messages: 4, claimed: 1 }]);
      await store.removeExpired(500, 10);
      expect(await claim(lease, 9, 2)).toEqual([4, 5]);
    });

    test("messages are counted, and claimed ones among them", async () => {
      const lease = await store.enter(LONG_MS);
      expect(await store.counts()).toEqual([]);
      await commit({ appended: [...jobs(5), job(9, { queue: "/queue/other" })] });
      await claim(lease, 2);
      const counts = (await store.counts()).toSorted((a, b) => a.messages - b.messages);
      expect(counts).toEqual([
        { queue: "/queue/other", messages: 1, claimed: 0 },
        { queue: QUEUE, messages: 5, claimed: 2 },
      ]);
    });

    test("a probe leaves nothing behind", async () => {
      await store.probe();
      expect(await store.counts()).toEqual([]);
    });
  });
}
