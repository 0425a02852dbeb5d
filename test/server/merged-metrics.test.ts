import { expect, test } from "bun:test";
import { mergeMetrics } from "../../src/server/merged-metrics.ts";

const text = (count: number) =>
  [
    "# HELP parley_a_total What is counted.",
    "# TYPE parley_a_total counter",
    `parley_a_total ${count}`,
    "",
    "# HELP parley_b_seconds How long.",
    "# TYPE parley_b_seconds histogram",
    `parley_b_seconds_bucket{le="0.5"} ${count}`,
    `parley_b_seconds_bucket{le="+Inf"} ${count}`,
    `parley_b_seconds_sum 1.5e-7`,
    `parley_b_seconds_count ${count}`,
    "",
  ].join("\n");

test("each value has its process, and what is said of a metric is said once", () => {
  const merged = mergeMetrics(
    new Map([
      [1, text(1)],
      [2, null],
      [3, text(3)],
    ]),
  );
  expect(merged.split("\n")).toEqual([
    "# HELP parley_process_up 1: the process answered; 0: its values are missing here.",
    "# TYPE parley_process_up gauge",
    'parley_process_up{process="1"} 1',
    'parley_process_up{process="2"} 0',
    'parley_process_up{process="3"} 1',
    "# HELP parley_a_total What is counted.",
    "# TYPE parley_a_total counter",
    'parley_a_total{process="1"} 1',
    'parley_a_total{process="3"} 3',
    "# HELP parley_b_seconds How long.",
    "# TYPE parley_b_seconds histogram",
    'parley_b_seconds_bucket{process="1",le="0.5"} 1',
    'parley_b_seconds_bucket{process="1",le="+Inf"} 1',
    'parley_b_seconds_sum{process="1"} 1.5e-7',
    'parley_b_seconds_count{process="1"} 1',
    'parley_b_seconds_bucket{process="3",le="0.5"} 3',
    'parley_b_seconds_bucket{process="3",le="+Inf"} 3',
    'parley_b_seconds_sum{process="3"} 1.5e-7',
    'parley_b_seconds_count{process="3"} 3',
    "",
  ]);
});
