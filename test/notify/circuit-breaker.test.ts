import { beforeEach, expect, test } from "bun:test";
import { CircuitBreaker } from "../../src/notify/circuit-breaker.ts";
import { FakeClock } from "../support/fake-clock.ts";

const DOWN = "answered 503";

let clock: FakeClock;
let breaker: CircuitBreaker;

beforeEach(() => {
  clock = new FakeClock();
  breaker = new CircuitBreaker({ concurrency: 8, clock, random: () => 0.999_999 });
});

/** Failures in a row; resolves with whether an outage has begun with the last one. */
function fail(times: number, afterMs: number | null = null): boolean {
  let begins = false;
  for (let time = 0; time < times; time += 1) begins = breaker.failed(DOWN, afterMs);
  return begins;
}

test("four failures in a row are borne, and the fifth is an outage", () => {
  expect(fail(4)).toBeFalse();
  expect([breaker.room, breaker.outage]).toEqual([8, null]);
  const sinceMs = clock.now();
  expect(fail(1)).toBeTrue();
  expect([breaker.room, breaker.pauseMs]).toEqual([0, 1_000]);
  expect(breaker.outage).toMatchObject({ sinceMs, reason: DOWN });
});

test("failures among successes are none", () => {
  for (let round = 0; round < 10; round += 1) {
    expect(fail(4)).toBeFalse();
    expect(breaker.succeeded()).toBeFalse();
  }
  expect(breaker.room).toBe(8);
  expect(breaker.isUntouched).toBeTrue();
});

test("one send tries whether it works again, after longer and longer, a minute at most", () => {
  fail(5);
  for (const pauseMs of [1, 2, 4, 8, 16, 32, 60, 60].map((seconds) => seconds * 1_000)) {
    expect(breaker.pauseMs).toBe(pauseMs);
    clock.advance(pauseMs - 1);
    expect(breaker.room).toBe(0);
    clock.advance(1);
    expect(breaker.room).toBe(1);
    expect(fail(1)).toBeFalse(); // The outage goes on.
  }
  expect(breaker.outageMs).toBe(183_000);
});

test("it is given twice as many sends with each that succeeds", () => {
  fail(5);
  clock.advance(1_000);
  expect(breaker.succeeded()).toBeTrue();
  const rooms = [breaker.room];
  for (let send = 0; send < 3; send += 1) {
    expect(breaker.succeeded()).toBeFalse();
    rooms.push(breaker.room);
  }
  expect(rooms).toEqual([2, 4, 8, 8]);
  expect(breaker.isUntouched).toBeTrue();
});

test("what fails while it opens up pauses it at once, for longer than before", () => {
  fail(5);
  clock.advance(1_000);
  breaker.succeeded();
  expect(fail(1)).toBeTrue();
  expect(breaker.pauseMs).toBe(2_000);
});

test("pauses are of random length, so that what failed together does not come back together", () => {
  const lengths = [0, 0.25, 0.5].map((random) => {
    breaker = new CircuitBreaker({ concurrency: 8, clock, random: () => random });
    fail(5);
    return breaker.pauseMs;
  });
  expect(lengths).toEqual([1, 250, 500]);
});

test("it is left alone for as long as it asks", () => {
  fail(4, 90_000);
  expect(breaker.pauseMs).toBe(0); // What is said of a single send may be of its target.
  fail(1, 90_000);
  expect(breaker.pauseMs).toBe(90_000);
  fail(1, 120_000); // Of a send that had begun before.
  expect(breaker.pauseMs).toBe(120_000);
});

test("what had begun before a pause makes it no longer", () => {
  fail(30);
  expect(breaker.pauseMs).toBe(1_000);
});

test("who may demand it is left alone at once, and then tried by one send", () => {
  breaker.rest(3_600_000);
  expect([breaker.room, breaker.outage]).toEqual([0, null]);
  clock.advance(3_600_000);
  expect(breaker.room).toBe(1);
  expect(breaker.succeeded()).toBeFalse();
  expect(breaker.room).toBe(2);
});
