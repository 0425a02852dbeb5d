import { expect, test } from "bun:test";
import fc from "fast-check";
import { BloomFilter } from "../../src/storage/bloom-filter.ts";

test("a filter has every key that was added", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary" })), (keys) => {
      const filter = new BloomFilter();
      for (const key of keys) filter.add(key);
      expect(keys.every((key) => filter.mayHave(key))).toBe(true);
    }),
  );
});

test("grown over several layers it still has every key, and few that were not added", () => {
  const count = 500_000;
  const filter = new BloomFilter();
  for (let at = 0; at < count; at += 1) filter.add(`user-${at % 97} ${at}`);
  let missing = 0;
  let mistaken = 0;
  for (let at = 0; at < count; at += 1) {
    if (!filter.mayHave(`user-${at % 97} ${at}`)) missing += 1;
    if (filter.mayHave(`user-${at % 97} x${at}`)) mistaken += 1;
  }
  expect({ missing, size: filter.size }).toEqual({ missing: 0, size: count });
  expect(mistaken / count).toBeLessThan(0.02);
});

test("an empty filter has nothing", () => {
  expect(new BloomFilter().mayHave("")).toBe(false);
});
