import type { ServerKind } from "./load/server-process.ts";
import type { LoadMeasurement } from "./measurement.ts";
import { CHAT_IN_FLIGHT, type RatioSample } from "./ratios.ts";
import { renderTable } from "./table.ts";

interface Comparison {
  /** Of the measurement of Parley. */
  readonly name: string;
  /** Of the bare engine's, where it is not the same. */
  readonly ceiling?: string;
  /** The least ratio that is aimed at; null where none is. */
  readonly target: number | null;
}

const COMPARISONS: readonly Comparison[] = [
  { name: "fan-out 1 → 100, closed loop, W=64", target: 0.9 },
  { name: "fan-out 1 → 100, closed loop, W=1", target: 0.92 },
  { name: "fan-out 1 → 1,000, closed loop, W=64", target: 0.95 },
  { name: "fan-out 1 → 1,000, closed loop, W=1", target: null },
  {
    name: "fan-out 1 → 1,000, every id another, closed loop, W=64",
    ceiling: "fan-out 1 → 1,000, closed loop, W=64",
    target: 0.6,
  },
  {
    name: "fan-out 1 → 1,000, every id another, closed loop, W=1",
    ceiling: "fan-out 1 → 1,000, closed loop, W=1",
    target: null,
  },
  { name: `1:1, closed loop, W=${CHAT_IN_FLIGHT}`, target: 0.45 },
];

/**
 * Deliveries a CPU-second of the server, medians over the rounds, and what share of the bare
 * engine's Parley's are. A target that is not met is no fault: faults are what is lost or wrong.
 */
export function renderRatios(samples: readonly RatioSample[]): string {
  const columns = ["ratios to a bare Bun.serve", "bare deliv./CPU-s", "Parley deliv./CPU-s"];
  const rows = COMPARISONS.map(({ name, ceiling = name, target }) => {
    const bare = medianRate(samples, "bare", ceiling);
    const parley = medianRate(samples, "parley", name);
    const ratio = parley / bare;
    const aim = target === null ? ["–", "–"] : [`≥ ${target.toFixed(2)}`, verdictOf(ratio, target)];
    return [name, whole(bare), whole(parley), ratio.toFixed(3), ...aim];
  });
  return renderTable([...columns, "ratio", "target", "verdict"], rows);
}

function verdictOf(ratio: number, target: number): string {
  return ratio >= target ? "met" : "NOT MET";
}

function medianRate(samples: readonly RatioSample[], kind: ServerKind, name: string): number {
  const rates = samples
    .filter(({ server }) => server === kind)
    .flatMap(({ measurements }) => measurements)
    .filter((each) => each.kind === "load")
    .filter((each) => each.name === name)
    .map(rateOf);
  return median(rates);
}

function rateOf({ deliveries, serverCpuSeconds }: LoadMeasurement): number {
  return deliveries / serverCpuSeconds;
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en");
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = (sorted.length - 1) / 2;
  const low = sorted[Math.floor(middle)] ?? Number.NaN;
  const high = sorted[Math.ceil(middle)] ?? Number.NaN;
  return (low + high) / 2;
}
