import { expect, test } from "bun:test";
import { AppError } from "../src/errors.ts";
import { type Rate, TokenBuckets } from "../src/token-buckets.ts";
import { FakeClock } from "./support/fake-clock.ts";

function setUp(rate: Rate) {
  const clock = new FakeClock();
  return { clock, buckets: new TokenBuckets(clock, rate) };
}

test("a burst is let through, then as much as comes back", () => {
  const { clock, buckets } = setUp({ perSecond: 10, burst: 2 });
  expect([1, 2, 3].map(() => buckets.take("a"))).toEqual([true, true, false]);
  expect(buckets.take("b")).toBe(true);
  clock.advance(100);
  expect([1, 2].map(() => buckets.take("a"))).toEqual([true, false]);
  clock.advance(60_000);
  expect([1, 2, 3].map(() => buckets.take("a"))).toEqual([true, true, false]);
});

test("the time until the next token is told, and asking for it takes none", () => {
  const { clock, buckets } = setUp({ perSecond: 0.5, burst: 1 });
  expect(buckets.waitMs("a")).toBe(0);
  buckets.take("a");
  expect(buckets.waitMs("a")).toBe(2_000);
  clock.advance(1_500);
  expect(buckets.waitMs("a")).toBe(500);
  clock.advance(500);
  expect(buckets.waitMs("a")).toBe(0);
  expect(buckets.take("a")).toBe(true);
});

test("who spends what is not there is told when to try again", () => {
  const { buckets } = setUp({ perSecond: 2, burst: 1 });
  buckets.spend("a", "messages");
  let refusal: unknown;
  try {
    buckets.spend("a", "messages");
  } catch (fault) {
    refusal = fault;
  }
  expect(refusal).toBeInstanceOf(AppError);
  expect(refusal).toMatchObject({ code: "RATE_LIMITED", details: { retryAfterMs: 500 } });
});

test("a rate of 0 limits nothing and remembers nobody", () => {
  const { buckets } = setUp({ perSecond: 0, burst: 0 });
  for (let n = 0; n < 1_000; n += 1) expect(buckets.take(`${n}`)).toBe(true);
  expect(buckets.waitMs("1")).toBe(0);
  expect(buckets.size).toBe(0);
});

test("keys whose tokens have all come back are forgotten", () => {
  const { clock, buckets } = setUp({ perSecond: 1, burst: 1 });
  for (let n = 0; n < 100_000; n += 1) {
    buckets.take(`${n}`);
    clock.advance(1);
  }
  expect(buckets.size).toBeLessThan(5_000);
});

test("a flood of keys is remembered up to a bound, and the newest of them are", () => {
  const { buckets } = setUp({ perSecond: 0.001, burst: 1 });
  for (let n = 0; n < 250_000; n += 1) buckets.take(`${n}`);
  expect(buckets.size).toBeLessThanOrEqual(100_000);
  expect(buckets.take("249999")).toBe(false);
});

test("of a flood that is over nobody is remembered", () => {
  const { clock, buckets } = setUp({ perSecond: 0.001, burst: 1 });
  for (let n = 0; n < 150_000; n += 1) buckets.take(`flood ${n}`);
  clock.advance(3_600_000);
  for (let n = 0; n < 20_000; n += 1) buckets.take(`${n}`);
  expect(buckets.size).toBeLessThanOrEqual(20_000);
});
