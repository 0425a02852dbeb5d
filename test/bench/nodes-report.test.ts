import { expect, test } from "bun:test";
import { compareRows } from "../../bench/compare.ts";
import { noFaults } from "../../bench/measurement.ts";
import type { NodesReport } from "../../bench/nodes/samples.ts";
import { isCorrect, renderReport, verdictOf } from "../../bench/report.ts";
import { emptyReport, latency } from "../support/bench-reports.ts";
import { nodesReport } from "../support/nodes-reports.ts";

test("several nodes are a table of the report", () => {
  expect(renderReport(emptyReport())).not.toContain("Installation");
  const text = renderReport(emptyReport({ nodes: nodesReport() }));
  expect(text).toMatch(/^Installation +Work +Count/m);
  expect(text).toMatch(/^3 nodes, PostgreSQL and Redis, gathered +groups 100 +100 /m);
});

test("what several nodes lose is a fault of the run, named by where", () => {
  const nodes = nodesReport();
  expect(isCorrect(emptyReport({ nodes }))).toBe(true);
  const samples = nodes.samples.map((sample, index) =>
    index === 1 ? { ...sample, faults: { ...noFaults(), lost: 2 } } : sample,
  );
  const report = emptyReport({ nodes: { ...nodes, samples } });
  expect(isCorrect(report)).toBe(false);
  expect(verdictOf(report)).toContain("FAILED 2 nodes, PostgreSQL and Redis, apart: 2 lost");
});

test("runs of several nodes are compared, work by work", () => {
  const timed = (factor: number): NodesReport => {
    const nodes = nodesReport();
    const samples = nodes.samples.map((sample) => ({
      ...sample,
      phases: sample.phases.map((phase) => ({
        ...phase,
        latencies: [latency("send → receipt", { p99Ms: 8 * factor })],
        used: { ...phase.used, nodesCpuSeconds: factor * phase.used.nodesCpuSeconds },
      })),
    }));
    return { ...nodes, samples: [...samples, ...samples] };
  };
  const rows = compareRows(emptyReport({ nodes: timed(1) }), emptyReport({ nodes: timed(2) }));
  const name = "1 node, PostgreSQL and Redis: visits 50";
  const row = (what: string) => rows.find(([found]) => found === `${name}: ${what}`)?.slice(3);
  expect(row("CPU µs of everything")).toEqual(["+99.4 %", "worse"]);
  expect(row("p99, ms")).toEqual(["+100.0 %", "worse"]);
  expect(compareRows(emptyReport(), emptyReport({ nodes: timed(1) }))).toEqual([]);
});
