import { expect, test } from "bun:test";
import { QueueJournal } from "../../src/broker/queue-journal.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { HeldQueueStore, turn } from "../support/held-queue-store.ts";
import { job } from "../support/stored-jobs.ts";

function setUp() {
  const store = new HeldQueueStore();
  const clock = new FakeClock();
  const changes: string[] = [];
  const journal = new QueueJournal(store, clock, (error) => changes.push(error?.code ?? "works"));
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      clock.advance(1_000);
      await turn();
    }
  };
  return { store, clock, journal, changes, pass };
}

test("a queue store that failed is found to work again though nobody sends", async () => {
  const { store, journal, changes, pass } = setUp();
  journal.append(job(1));
  await store.fail();
  expect(journal.isFailing).toBe(true);
  store.isFull = true;
  await pass(10);
  expect(store.probes).toBeGreaterThan(5);
  expect(store.probes).toBeLessThanOrEqual(10);
  expect(journal.isFailing).toBe(true);
  store.isFull = false;
  await pass(2);
  expect(journal.isFailing).toBe(false);
  const { probes } = store;
  await pass(60);
  expect(store.probes).toBe(probes);
  expect(store.batches).toHaveLength(1);
  expect(changes).toEqual(["STORAGE_UNAVAILABLE", "works"]);
});

test("a queue store that failed is not asked after the stop", async () => {
  const { store, journal, pass } = setUp();
  journal.append(job(1));
  await store.fail();
  journal.stop();
  await pass(10);
  expect(store.probes).toBe(0);
});

test("a queue store is behind that has a commit under way for longer than 5 s", async () => {
  const { store, clock, journal } = setUp();
  journal.append(job(1));
  await turn();
  clock.advance(5_000);
  expect(journal.isBehind).toBe(false);
  clock.advance(1);
  expect(journal.isBehind).toBe(true);
  await store.finish();
  expect(journal.isBehind).toBe(false);
});
