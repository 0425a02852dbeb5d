import { describe, expect, test } from "bun:test";
import { changeOf, compareRows, differencesOf } from "../../bench/compare.ts";
import { emptyReport, latency, load, result, rounds } from "../support/bench-reports.ts";

const reading = (low: number, high: number, count = 3) => ({
  ...{ median: (low + high) / 2, low, high, count },
});

describe("a change", () => {
  test("is one when the rounds' ranges do not overlap", () => {
    const higher = { before: reading(10, 12), after: reading(13, 14) };
    expect(changeOf({ ...higher, isBetterWhen: "higher" })).toBe("better");
    expect(changeOf({ ...higher, isBetterWhen: "lower" })).toBe("worse");
    const overlapping = { before: reading(10, 13), after: reading(12, 14) };
    expect(changeOf({ ...overlapping, isBetterWhen: "higher" })).toBe("within noise");
  });

  test("is not told from one sample", () => {
    const single = { before: reading(10, 10, 1), after: reading(20, 20, 3) };
    expect(changeOf({ ...single, isBetterWhen: "higher" })).toBe("one sample");
  });
});

test("runs are compared figure by figure, as far as both have them", () => {
  const name = "fan-out 1 → 100, closed loop, W=1";
  const before = emptyReport({ ratios: rounds("parley", name, [100, 101, 102]) });
  const after = emptyReport({
    ratios: [...rounds("parley", name, [200, 201, 202]), ...rounds("bare", name, [1])],
    load: [result(load("1:1 chat, 2,000/s", { latencies: [latency("send → receipt")] }))],
  });
  expect(compareRows(before, after)).toEqual([
    [
      `parley: ${name}: deliveries a CPU-second`,
      "101 (100 – 102)",
      "201 (200 – 202)",
      "+99.0 %",
      "better",
    ],
  ]);
});

test("what makes runs unlike is said", () => {
  const { machine } = emptyReport();
  const other = emptyReport({ machine: { ...machine, cores: 8 }, quick: true });
  expect(differencesOf(emptyReport(), other)).toEqual([
    "cores: 2 before, 8 now",
    "one of the runs is --quick",
  ]);
  expect(differencesOf(emptyReport(), emptyReport())).toEqual([]);
});
