import { expect, test } from "bun:test";
import fc from "fast-check";
import { RecentlyUsed } from "../src/recently-used.ts";

interface Thing {
  weight: number;
  isHeld: boolean;
}

function things(capacity: number): RecentlyUsed<Thing> {
  const weigh = ({ weight }: Thing) => weight;
  return new RecentlyUsed({ capacity, weigh, isHeld: ({ isHeld }) => isHeld });
}

const thing = (weight = 1, isHeld = false): Thing => ({ weight, isHeld });

const step = fc.record({
  act: fc.constantFrom("get" as const, "set" as const, "delete" as const),
  name: fc.constantFrom("a", "b", "c", "d", "e", "f", "g"),
});

test("those used last are there, and no others, whatever comes and goes", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const used = things(4);
      let expected: [name: string, value: Thing][] = [];
      for (const { act, name } of steps) {
        const known = expected.find(([each]) => each === name);
        expected = expected.filter((each) => each !== known);
        const value = thing();
        if (act === "get") {
          expect(used.get(name)).toBe(known?.[1]);
          if (known !== undefined) expected.push(known);
        } else if (act === "set") {
          used.set(name, value);
          expected.push([name, value]);
        } else {
          used.delete(name);
        }
        expected = expected.slice(-4);
        expect(used.size).toBe(expected.length);
      }
      for (const [name, value] of expected) expect(used.get(name)).toBe(value);
    }),
  );
});

test("heavy ones are fewer, also those that have become heavy", () => {
  const used = things(100);
  for (let n = 0; n < 1_000; n += 1) used.set(`${n}`, thing(10));
  expect(used.size).toBe(10);
  const growing = thing(1);
  used.set("growing", growing);
  growing.weight = 90;
  used.get("999");
  used.get("growing");
  used.set("another", thing(5));
  used.set("one more", thing(5));
  expect(used.size).toBe(3);
  expect(used.get("growing")).toBe(growing);
});

test("what is held stays, and keeps nothing else in memory", () => {
  const used = things(100);
  const held = Array.from({ length: 300 }, () => thing(1, true));
  for (const [at, each] of held.entries()) used.set(`held ${at}`, each);
  for (let n = 0; n < 10_000; n += 1) used.set(`${n}`, thing());
  // A newcomer waits for no more than a few looks, and these may all be at what is held.
  expect(used.size).toBeLessThanOrEqual(300 + 100);
  expect(held.every((each, at) => used.get(`held ${at}`) === each)).toBe(true);
  for (const each of held) each.isHeld = false;
  for (let n = 0; n < 1_000; n += 1) used.set(`later ${n}`, thing());
  expect(used.size).toBe(100);
});

test("one that is heavier than all may be is there alone", () => {
  const used = things(100);
  used.set("small", thing());
  used.set("large", thing(1_000));
  expect(used.size).toBe(1);
  expect(used.get("large")).toBeDefined();
});
