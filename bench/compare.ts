import {
  deliveriesPerCpuSecond,
  Figures,
  kibOfConnection,
  latencyOf,
  messagesPerCpuSecond,
  type Reading,
  readingOf,
} from "./figures.ts";
import { allUs, NodesFigures, nameOf } from "./nodes/figures.ts";
import type { Phase } from "./nodes/samples.ts";
import type { Report } from "./report-file.ts";

/** A figure of both runs. */
interface Compared {
  readonly name: string;
  readonly isBetterWhen: "higher" | "lower";
  readonly before: Reading;
  readonly after: Reading;
}

export type Change = "better" | "worse" | "within noise" | "one sample";

/**
 * A change is one beyond noise when the ranges of the rounds do not overlap. With a single sample on
 * either side nothing can be said.
 */
export function changeOf({ before, after, isBetterWhen }: Omit<Compared, "name">): Change {
  if (before.count < 2 || after.count < 2) return "one sample";
  const isHigher = after.low > before.high;
  const isLower = after.high < before.low;
  if (!isHigher && !isLower) return "within noise";
  return isHigher === (isBetterWhen === "higher") ? "better" : "worse";
}

/** Printed with the table. */
export const COMPARE_RULE =
  "Median (lowest – highest of the rounds). A change is beyond noise when the ranges do not overlap; of a figure with one sample nothing can be said.";

export const COMPARE_COLUMNS = ["figure", "before", "after", "change", "beyond noise?"] as const;

export function compareRows(before: Report, after: Report): string[][] {
  const pairs = [...pairsOf(new Figures(before), new Figures(after)), ...nodesPairs(before, after)];
  return pairs.map((pair) => {
    const { name, before: was, after: is } = pair;
    const percent = 100 * (is.median / was.median - 1);
    const sign = percent >= 0 ? "+" : "−";
    return [
      name,
      shown(was),
      shown(is),
      `${sign}${Math.abs(percent).toFixed(1)} %`,
      changeOf(pair),
    ];
  });
}

/** What makes the runs hard to compare; empty when nothing does. */
export function differencesOf(before: Report, after: Report): string[] {
  const { machine: was } = before;
  const { machine: is } = after;
  const lines: string[] = [];
  for (const key of ["cpu", "cores", "kernel", "bun", "tcp"] as const) {
    if (was[key] !== is[key]) lines.push(`${key}: ${was[key]} before, ${is[key]} now`);
  }
  if (before.quick !== after.quick) lines.push("one of the runs is --quick");
  return lines;
}

function pairsOf(before: Figures, after: Figures): Compared[] {
  return [...loadPairs(before, after), ...idlePairs(before, after)];
}

function loadPairs(before: Figures, after: Figures): Compared[] {
  return (["parley", "bare"] as const).flatMap((server) =>
    after.names(server).flatMap((name) => {
      const pair = (
        what: string,
        isBetterWhen: "higher" | "lower",
        read: (load: ReturnType<Figures["loads"]>[number]) => number,
      ) => {
        const was = readingOf(before.loads(name, server).map(read));
        const is = readingOf(after.loads(name, server).map(read));
        if (was === null || is === null) return [];
        return [{ name: `${server}: ${name}: ${what}`, isBetterWhen, before: was, after: is }];
      };
      const times = after.loads(name, server)[0]?.latencies ?? [];
      const rate = name.startsWith("storm")
        ? pair("CONNECTs a CPU-second", "higher", messagesPerCpuSecond)
        : pair("deliveries a CPU-second", "higher", deliveriesPerCpuSecond);
      return [
        ...rate,
        ...times.flatMap(({ name: of }) =>
          pair(`p99 ${of}, ms`, "lower", (load) => latencyOf(load, of)?.p99Ms ?? Number.NaN),
        ),
      ];
    }),
  );
}

function idlePairs(before: Figures, after: Figures): Compared[] {
  return after.idles().flatMap((idle) => {
    const was = before.idles().find(({ connections }) => connections === idle.connections);
    const [old, now] = [was, idle].map((each) =>
      readingOf(each === undefined ? [] : [kibOfConnection(each)]),
    );
    if (!old || !now) return [];
    const name = `${idle.name}: KiB a connection`;
    return [{ name, isBetterWhen: "lower" as const, before: old, after: now }];
  });
}

function nodesPairs({ nodes: before }: Report, { nodes: after }: Report): Compared[] {
  if (before === null || after === null) return [];
  const [old, now] = [new NodesFigures(before), new NodesFigures(after)];
  return now.works().flatMap(({ of, work, size }) => {
    const pair = (what: string, figure: (phase: Phase) => number) => {
      const was = old.reading(of, work, size, figure);
      const is = now.reading(of, work, size, figure);
      if (was === null || is === null) return [];
      const name = `${nameOf(of)}: ${work} ${size.toLocaleString("en")}: ${what}`;
      return [{ name, isBetterWhen: "lower" as const, before: was, after: is }];
    };
    return [
      ...pair("CPU µs of everything", allUs),
      ...pair("p99, ms", ({ latencies }) => latencies[0]?.p99Ms ?? Number.NaN),
    ];
  });
}

function shown({ median, low, high, count }: Reading): string {
  if (count === 1) return figure(median);
  return `${figure(median)} (${figure(low)} – ${figure(high)})`;
}

function figure(value: number): string {
  return value.toLocaleString("en", { maximumFractionDigits: value >= 100 ? 0 : 2 });
}
