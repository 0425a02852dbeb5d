import { expect, test } from "bun:test";
import { Latencies } from "../../bench/load/latencies.ts";
import { Signals } from "../../bench/load/signals.ts";

test("a state is unseen until every watcher has it", () => {
  const times = new Latencies("times");
  const signals = new Signals(times, 2, 2);
  expect(signals.flip(1, 100)).toBe(true);
  expect(signals.unseen).toBe(2);
  signals.saw(1, 0, true, 110);
  expect(signals.unseen).toBe(1);
  signals.saw(1, 1, true, 130);
  expect(signals.unseen).toBe(0);
  expect(times.summary()).toMatchObject({ count: 2, maxMs: 30 });
});

test("what lies between may be left out, the last state may not", () => {
  const signals = new Signals(new Latencies("times"), 1, 1);
  signals.flip(0, 0);
  signals.flip(0, 10);
  expect(signals.flip(0, 20)).toBe(true);
  signals.saw(0, 0, false, 25);
  expect(signals.unseen).toBe(1);
  signals.saw(0, 0, true, 30);
  expect(signals.unseen).toBe(0);
});

test("the state before the latest counts from its own flip", () => {
  const times = new Latencies("times");
  const signals = new Signals(times, 1, 1);
  signals.flip(0, 0);
  signals.flip(0, 50);
  signals.saw(0, 0, true, 60);
  expect(times.summary().maxMs).toBe(60);
  expect(signals.unseen).toBe(1);
});

test("what is told again is neither a time nor news", () => {
  const times = new Latencies("times");
  const signals = new Signals(times, 1, 1);
  signals.saw(0, 0, false, 5);
  signals.flip(0, 10);
  signals.saw(0, 0, true, 11);
  signals.saw(0, 0, true, 99);
  signals.saw(0, 0, false, 99); // As when typing expires.
  expect(times.summary()).toMatchObject({ count: 1, maxMs: 1 });
  expect(signals.unseen).toBe(0);
});
