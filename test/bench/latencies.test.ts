import { expect, test } from "bun:test";
import { Latencies } from "../../bench/load/latencies.ts";

test("times know which share of them kept the promise of 100 ms", () => {
  const times = new Latencies("send → receipt");
  for (const ms of [1, 99, 100, 100.5]) times.record(ms);
  expect(times.summary()).toMatchObject({ count: 4, promisedShare: 0.75, maxMs: 100.5 });
});

test("without times there is no share", () => {
  const times = new Latencies("send → receipt");
  times.record(500);
  times.reset();
  expect(times.summary()).not.toHaveProperty("promisedShare");
});
