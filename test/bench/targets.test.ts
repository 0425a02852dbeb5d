import { describe, expect, test } from "bun:test";
import { Figures } from "../../bench/figures.ts";
import { standingOf, TARGETS, targetRows } from "../../bench/targets.ts";
import { emptyReport, idle, latency, load, result, rounds } from "../support/bench-reports.ts";

const LOOP = "fan-out 1 → 100, closed loop, W=64";
const NAME = `${LOOP}: ratio to a bare Bun.serve`;

function rowOf(name: string, report = emptyReport()): string[] | undefined {
  return targetRows(new Figures(report)).find(([first]) => first === name);
}

function ratios(parley: number[], bare: number[]) {
  return emptyReport({
    ratios: [...rounds("parley", LOOP, parley), ...rounds("bare", LOOP, bare)],
  });
}

describe("a target", () => {
  test("has a name of its own, and without figures it is not measured", () => {
    expect(new Set(TARGETS.map(({ name }) => name)).size).toBe(TARGETS.length);
    for (const row of targetRows(new Figures(emptyReport())))
      expect(row.at(-1)).toBe("not measured");
  });

  test("is met when every round meets it, open when some do", () => {
    expect(rowOf(NAME, ratios([95, 96, 97], [100, 100, 100]))?.at(-1)).toBe("met");
    expect(rowOf(NAME, ratios([85, 96, 97], [100, 100, 100]))?.at(-1)).toBe("open");
    expect(rowOf(NAME, ratios([85, 86, 87], [100, 100, 100]))?.at(-1)).toBe("NOT MET");
  });

  test("of a ratio compares medians, and shows the rounds'", () => {
    const row = rowOf(NAME, ratios([90, 80, 100], [100, 100, 200]));
    expect(row?.slice(1, 4)).toEqual(["≥ 0.9", "0.9", "0.5 – 0.9"]);
  });

  test("of a ratio is not judged by what was measured beside the rounds", () => {
    const { ratios: inRounds } = ratios([95, 95, 95], [100, 100, 100]);
    const report = emptyReport({ ratios: inRounds, load: [result(load(LOOP, { deliveries: 1 }))] });
    expect(rowOf(NAME, report)?.slice(2)).toEqual(["0.95", "0.95 – 0.95", "–", "met"]);
  });

  test("of a time is met from below, of a memory by the largest crowd alone", () => {
    const report = emptyReport({
      load: [
        result(
          load("1:1 chat, 20,000/s", { latencies: [latency("send → receipt", { p99Ms: 4 })] }),
        ),
        result(idle(2_000, 30)),
        result(idle(18_800, 3)),
      ],
    });
    expect(rowOf("1:1 chat, 20,000/s: p99 send → receipt", report)?.at(-1)).toBe("NOT MET");
    expect(rowOf("idle, 18,000 connections and more: KiB RSS of each", report)?.at(-1)).toBe("met");
  });

  test("of a time shows the bare engine's too", () => {
    const name = "fan-out 1 → 100, paced at 70 % of W=1";
    const of = "publish → the last subscriber";
    const sample = (server: "parley" | "bare", p99Ms: number) => ({
      ...result(load(name, { latencies: [latency(of, { p99Ms })] })),
      ...{ server, round: 1 },
    });
    const report = emptyReport({ ratios: [sample("parley", 3), sample("bare", 2)] });
    expect(rowOf(`${name}: p99 ${of}`, report)?.slice(2)).toEqual([
      "3 ms",
      "one",
      "2 ms",
      "NOT MET",
    ]);
  });

  test("at its very limit is met", () => {
    const target = { name: "", bound: "most", limit: 3, unit: "", read: () => null } as const;
    expect(standingOf(target, { median: 3, low: 3, high: 3, count: 1 })).toBe("met");
  });
});
