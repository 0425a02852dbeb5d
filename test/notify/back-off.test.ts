import { expect, test } from "bun:test";
import { backOffMs } from "../../src/notify/back-off.ts";

const BACK_OFF = { firstMs: 1_000, mostMs: 60_000 };

/** As near to 1 as a random number comes. */
const HIGHEST = () => 1 - Number.EPSILON;

test("the longest wait doubles with each failure, up to the most", () => {
  const waits = [1, 2, 3, 4, 5, 6, 7, 8, 100, 10_000].map((attempts) =>
    backOffMs(attempts, BACK_OFF, HIGHEST),
  );
  expect(waits).toEqual([
    ...[1_000, 2_000, 4_000, 8_000, 16_000, 32_000],
    ...[60_000, 60_000, 60_000, 60_000],
  ]);
});

test("the wait is anything from next to nothing to the longest", () => {
  expect(backOffMs(3, BACK_OFF, () => 0)).toBe(1);
  expect(backOffMs(3, BACK_OFF, () => 0.25)).toBe(1_000);
  expect(backOffMs(3, BACK_OFF, () => 0.5)).toBe(2_000);
});
