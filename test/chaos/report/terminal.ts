import { renderTable } from "../../../bench/table.ts";
import { type FaultKind, RULES, type RuleName } from "../checker/fault.ts";
import { countOf } from "../checker/judge.ts";
import type { RowResult } from "../row.ts";
import type { Report } from "./report.ts";

const COLUMNS = [
  ...["fault", "injected", "times", "confirmed", "missing", "doubled", "disordered", "other"],
  ...["p99 ms", "seconds", "verdict"],
];

const SHOWN_FAULTS = 5;

export function renderReport({ results, machine, fileSystem, seed }: Report): string {
  const { cpu, cores, kernel, bun, commit } = machine;
  const head = `Parley ${commit}, seed ${seed}; ${cpu}, ${cores} cores, ${kernel}, Bun ${bun}, data on ${fileSystem}`;
  return [head, "", renderTable(COLUMNS, results.map(cellsOf))].join("\n");
}

/** What one row found, line by line. */
export function renderDetails({ outcome, reason }: RowResult): string[] {
  const lines: string[] = [];
  if (reason !== null) lines.push(reason);
  if (outcome === null) return lines;
  lines.push(...outcome.notes, ...outcome.failures.map((failure) => `FAILED: ${failure}`));
  const byRule = Map.groupBy(outcome.faults, ({ rule }) => rule);
  for (const [rule, faults] of byRule) lines.push(...ruleLines(rule, faults));
  return lines;
}

function cellsOf({ name, seconds, verdict, outcome }: RowResult): string[] {
  const end = [seconds.toFixed(0), verdict];
  if (outcome === null) return [name, "", "", "", "", "", "", "", "", ...end];
  const { injected, times, confirmed, faults, p99Ms } = outcome;
  const kinds: FaultKind[] = ["missing", "doubled", "disordered", "other"];
  return [
    ...[name, injected, String(times), confirmed.toLocaleString("en")],
    ...kinds.map((kind) => String(countOf(faults, kind))),
    ...[p99Ms === null ? "–" : p99Ms.toFixed(1), ...end],
  ];
}

function ruleLines(rule: RuleName, faults: readonly { text: string }[]): string[] {
  const examples = faults.slice(0, SHOWN_FAULTS).map(({ text }) => `  ${text}`);
  return [`FAILED ${rule}, ${RULES[rule].meaning}: ${faults.length} times`, ...examples];
}
