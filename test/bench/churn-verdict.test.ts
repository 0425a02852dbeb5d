import { expect, test } from "bun:test";
import { type Sample, slopeMiBPerHour, verdictOf } from "../../bench/churn-verdict.ts";

const MIB = 1024 * 1024;

/** An hour, a sample each minute. */
function hour(rssMiB: (minute: number) => number): Sample[] {
  return Array.from({ length: 60 }, (_, minute) => ({
    hours: minute / 60,
    rssBytes: rssMiB(minute) * MIB,
  }));
}

test("memory that fills up and stays is flat", () => {
  const samples = hour((minute) => 100 + Math.min(minute, 25) + (minute % 3));
  expect(verdictOf(samples).isFlat).toBe(true);
  expect(Math.abs(slopeMiBPerHour(samples))).toBeLessThan(1);
});

test("memory that grows on is not", () => {
  const samples = hour((minute) => 100 + minute);
  expect(verdictOf(samples).isFlat).toBe(false);
  expect(slopeMiBPerHour(samples)).toBeCloseTo(60);
});

test("a few samples say nothing", () => {
  expect(verdictOf(hour(() => 100).slice(0, 10)).isFlat).toBe(false);
});
