import { type Figures, messagesPerCpuSecond, type Reading, readingOf } from "./figures.ts";

/** What there is more of, from one measurement of a curve to the next. */
export const COST_KINDS = ["users", "topics", "messages", "history"] as const;
export type CostKind = (typeof COST_KINDS)[number];

export interface CostPoint {
  /** Of the smallest. */
  readonly times: number;
  /** Of the server's CPU time, to that of the smallest. */
  readonly cost: number;
}

const NAME = /^cost, (\w+) × (\d+):/;

/** The measurement is a point of a curve. */
export function isCost(name: string): boolean {
  return NAME.test(name);
}

/**
 * What the work costs with more of one thing, by how much more. Messages are the work itself, so its
 * cost grows with their number; of all else there is more around the same work. Empty without the
 * smallest to relate the others to.
 */
export function costCurve(figures: Figures, kind: CostKind): CostPoint[] {
  const costs = figures.names().flatMap((name) => {
    const [, of, digits] = NAME.exec(name) ?? [];
    const rate = readingOf(figures.loads(name).map(messagesPerCpuSecond));
    if (of !== kind || rate === null) return [];
    const times = Number(digits);
    return [{ times, cost: (kind === "messages" ? times : 1) / rate.median }];
  });
  const smallest = costs.find(({ times }) => times === 1);
  if (smallest === undefined) return [];
  return costs
    .map(({ times, cost }) => ({ times, cost: cost / smallest.cost }))
    .toSorted((one, other) => one.times - other.times);
}

/** By how much the cost grows where there is twice as much, at each doubling; null without any. */
export function costOfDoubling(figures: Figures, kind: CostKind): Reading | null {
  const curve = costCurve(figures, kind);
  return readingOf(
    curve.map(({ times, cost }) => {
      const half = curve.find((other) => other.times === times / 2);
      return half === undefined ? Number.NaN : cost / half.cost;
    }),
  );
}
