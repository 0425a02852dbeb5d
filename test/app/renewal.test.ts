import { expect, test } from "bun:test";
import { Renewal } from "../../src/app/renewal.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { settled } from "../support/held-store.ts";

function setUp(most = 10) {
  const clock = new FakeClock();
  const faults: unknown[] = [];
  const looks: { items: readonly string[]; found: PromiseWithResolvers<readonly string[]> }[] = [];
  const renewal = new Renewal<string>({
    ...{ clock, most, keyOf: (item) => item, onFault: (fault) => faults.push(fault) },
    look(items) {
      const found = Promise.withResolvers<readonly string[]>();
      looks.push({ items, found });
      return found.promise;
    },
  });
  const answer = async (again: readonly string[] = []) => {
    looks.at(-1)?.found.resolve(again);
    await settled();
  };
  return { clock, faults, looks, renewal, answer, asked: () => looks.map(({ items }) => items) };
}

test("what comes during a look is looked up after it, together and once", async () => {
  const { renewal, answer, asked } = setUp();
  renewal.add("a");
  for (const item of ["a", "b", "b"]) renewal.add(item);
  await settled();
  expect(asked()).toEqual([["a"]]);
  await answer();
  expect(asked()).toEqual([["a"], ["a", "b"]]);
  await answer();
  expect(asked()).toHaveLength(2);
  renewal.add("c");
  expect(asked()).toHaveLength(3);
});

test("no more than so many are looked up at a time", async () => {
  const { renewal, answer, asked } = setUp(2);
  renewal.add("first");
  for (const item of ["a", "b", "c"]) renewal.add(item);
  await answer();
  await answer();
  await answer();
  expect(asked()).toEqual([["first"], ["a", "b"], ["c"]]);
});

test("what could not be decided, or failed, is looked up again, after a while", async () => {
  const { renewal, answer, asked, clock, looks, faults } = setUp();
  renewal.add("a");
  await answer(["a"]);
  expect(asked()).toHaveLength(1);
  clock.advance(50);
  await settled();
  expect(asked()).toEqual([["a"], ["a"]]);
  looks.at(-1)?.found.reject(new Error("away"));
  await settled();
  clock.advance(999);
  await settled();
  expect(asked()).toHaveLength(2);
  clock.advance(1);
  await settled();
  expect(asked()).toHaveLength(3);
  expect(faults).toHaveLength(1);
});

test("nothing is looked up any more when it is stopped", async () => {
  const { renewal, answer, asked, clock } = setUp();
  renewal.add("a");
  renewal.stop();
  renewal.add("b");
  await answer(["a"]);
  clock.advance(10_000);
  await settled();
  expect(asked()).toEqual([["a"]]);
  renewal.add("c");
  expect(asked()).toHaveLength(1);
});
