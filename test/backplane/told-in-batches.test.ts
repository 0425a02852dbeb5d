import { expect, test } from "bun:test";
import { batchOf, ToldInBatches } from "../../src/backplane/told-in-batches.ts";

const turnEnd = () => new Promise((resolve) => setImmediate(resolve));

/** Two names a batch; each batch is done when the test says so. */
function setUp() {
  const names = new Set<string>();
  const told: string[] = [];
  const failures: string[] = [];
  const steps: PromiseWithResolvers<void>[] = [];
  const telling = new ToldInBatches<string>({
    hasMore: () => names.size > 0,
    tell: (client) => {
      told.push(`${client}: ${batchOf(names, 2).join()}`);
      const step = Promise.withResolvers<void>();
      steps.push(step);
      return step.promise;
    },
    failed: (client, fault) => failures.push(`${client}: ${fault}`),
  });
  const add = (...more: readonly string[]) => {
    for (const name of more) names.add(name);
    telling.changed();
  };
  const done = async () => {
    steps.shift()?.resolve();
    await turnEnd();
  };
  return { telling, names, told, failures, steps, add, done };
}

test("a new connection is told everything, one batch after the other", async () => {
  const { telling, told, add, done } = setUp();
  add("1", "2", "3");
  await turnEnd();
  expect(told).toEqual([]);
  const restored = telling.restore("a");
  expect(told).toEqual(["a: 1,2"]);
  await done();
  expect(told).toEqual(["a: 1,2", "a: 3"]);
  await done();
  await restored;
});

test("changes of one turn go together, and those that come meanwhile wait for the answer", async () => {
  const { telling, told, add, done } = setUp();
  await telling.restore("a");
  add("1");
  add("2");
  expect(told).toEqual([]);
  await turnEnd();
  add("3");
  await turnEnd();
  expect(told).toEqual(["a: 1,2"]);
  await done();
  expect(told).toEqual(["a: 1,2", "a: 3"]);
});

test("a connection that is lost is told nothing more, and the next one all that is left", async () => {
  const { telling, told, add, done } = setUp();
  const first = telling.restore("a");
  await first;
  add("1", "2", "3");
  await turnEnd();
  telling.lost();
  expect(telling.isTold("a")).toBe(false);
  await done();
  add("4");
  await turnEnd();
  expect(told).toEqual(["a: 1,2"]);
  const second = telling.restore("b");
  await done();
  await second;
  expect(told).toEqual(["a: 1,2", "b: 3,4"]);
});

test("what a server does not take is said, with the connection that it was told by", async () => {
  const { telling, failures, steps, add } = setUp();
  await telling.restore("a");
  add("1");
  await turnEnd();
  steps.shift()?.reject("no");
  await turnEnd();
  expect(failures).toEqual(["a: no"]);
});
