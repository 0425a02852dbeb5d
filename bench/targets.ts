import { COST_KINDS, costOfDoubling } from "./costs.ts";
import {
  deliveriesPerCpuSecond,
  type Figures,
  kibOfConnection,
  latencyOf,
  messagesPerCpuSecond,
  type Reading,
  ratioOf,
  readingOf,
} from "./figures.ts";
import { PROMISED_MS } from "./load/latencies.ts";
import { CHAT_IN_FLIGHT, GATHERED_RATE } from "./ratios.ts";

/** What Parley aims at, and where it stands. What is not met is no fault: faults are what is lost. */
export interface Target {
  readonly name: string;
  /** `least`: as much or more is met; `most`: as much or less. */
  readonly bound: "least" | "most";
  readonly limit: number;
  /** Behind figures. */
  readonly unit: string;
  /** null where the run did not measure it. */
  read(figures: Figures): Reading | null;
  /** The same of the bare engine, which is what the machine and its kernel leave to be had. */
  readBare?(figures: Figures): Reading | null;
}

export type Standing = "met" | "NOT MET" | "open" | "not measured";

/** `open`: the median is met, but not every round, or the other way round. */
export function standingOf({ bound, limit }: Target, reading: Reading | null): Standing {
  if (reading === null) return "not measured";
  const isMet = (value: number) => (bound === "least" ? value >= limit : value <= limit);
  if (isMet(reading.low) && isMet(reading.high)) return "met";
  return isMet(reading.low) || isMet(reading.high) ? "open" : "NOT MET";
}

const RECEIPT = "send → receipt";
const SENT = "send → SENT";
const EACH = "publish → each subscriber";
const LAST = "publish → the last subscriber";

/** Deliveries a CPU-second, Parley's to the bare engine's. */
function ratio(limit: number, name: string, ceiling = name): Target {
  return {
    name: `${name}: ratio to a bare Bun.serve`,
    ...{ bound: "least", limit, unit: "" },
    read: (figures) =>
      ratioOf(
        figures.loads(name).map(deliveriesPerCpuSecond),
        figures.loads(ceiling, "bare").map(deliveriesPerCpuSecond),
      ),
  };
}

function percentile(
  limit: number,
  name: string,
  of: string,
  which: "p50Ms" | "p99Ms" | "maxMs" = "p99Ms",
): Target {
  const text = { p50Ms: "p50", p99Ms: "p99", maxMs: "longest" }[which];
  const readServer = (figures: Figures, server: "parley" | "bare") =>
    readingOf(
      figures.loads(name, server).map((load) => latencyOf(load, of)?.[which] ?? Number.NaN),
    );
  return {
    name: `${name}: ${text} ${of}`,
    ...{ bound: "most", limit, unit: "ms" },
    read: (figures) => readServer(figures, "parley"),
    readBare: (figures) => readServer(figures, "bare"),
  };
}

const GATHERED = `fan-out 1 → 100, paced, ${GATHERED_RATE.toLocaleString("en")}/s`;
const loop = (subscribers: string, inFlight: number) =>
  `fan-out 1 → ${subscribers}, closed loop, W=${inFlight}`;
const atShare = (subscribers: string) => `fan-out 1 → ${subscribers}, paced at 70 % of W=1`;
/** Few enough for the limit of open files that a process usually has. */
const CROWD = 18_000;

export const TARGETS: readonly Target[] = [
  ratio(0.9, loop("100", 64)),
  ratio(0.92, loop("100", 1)),
  ratio(0.95, loop("1,000", 64)),
  ratio(
    0.6,
    "fan-out 1 → 1,000, every id another, closed loop, W=64",
    "fan-out 1 → 1,000, closed loop, W=64",
  ),
  ratio(0.9, "fan-out 1 → 100, wires mixed, closed loop, W=64", loop("100", 64)),
  ratio(0.45, `1:1, closed loop, W=${CHAT_IN_FLIGHT}`),
  ratio(2, GATHERED),
  {
    name: `${GATHERED}: p50 ${EACH}, above the bare engine's`,
    ...{ bound: "most", limit: 1, unit: "ms" },
    read: (figures) => {
      const p50s = (server: "parley" | "bare") =>
        figures.loads(GATHERED, server).map((load) => latencyOf(load, EACH)?.p50Ms ?? Number.NaN);
      const bare = readingOf(p50s("bare"));
      if (bare === null) return null;
      return readingOf(p50s("parley").map((ms) => ms - bare.median));
    },
  },
  percentile(1, atShare("100"), LAST),
  percentile(4, atShare("1,000"), LAST),
  ...[2_000, 10_000].map((rate) =>
    percentile(PROMISED_MS, `1:1 chat, ${rate.toLocaleString("en")}/s`, RECEIPT, "maxMs"),
  ),
  percentile(3, "1:1 chat, 20,000/s", RECEIPT),
  percentile(6, "1:1 chat, 50,000/s", RECEIPT),
  percentile(10, "1:1 chat, 50,000/s", SENT),
  {
    name: "storm: complete CONNECTs with five subscriptions a CPU-second",
    ...{ bound: "least", limit: 10_000, unit: "" },
    read: (figures) => readingOf(figures.loads("storm, 2,000 CONNECTs").map(messagesPerCpuSecond)),
  },
  {
    name: "idle, 18,000 connections and more: KiB RSS of each",
    ...{ bound: "most", limit: 4, unit: "KiB" },
    read: (figures) => readingOf(crowdOf(figures).map(kibOfConnection)),
  },
  {
    name: "idle, 18,000 connections and more: share of a core",
    ...{ bound: "most", limit: 0.03, unit: "" },
    read: (figures) =>
      readingOf(crowdOf(figures).map((idle) => idle.idleCpuSeconds / idle.idleSeconds)),
  },
  {
    name: "idle, 18,000 connections and more: late heart-beats",
    ...{ bound: "most", limit: 0, unit: "" },
    read: (figures) => readingOf(crowdOf(figures).map((idle) => idle.lateHeartbeats)),
  },
  ...COST_KINDS.map(
    (kind): Target => ({
      name: `cost of twice the ${kind}, at any doubling`,
      ...{ bound: "most", limit: 2, unit: "×" },
      read: (figures) => costOfDoubling(figures, kind),
    }),
  ),
];

function crowdOf(figures: Figures) {
  return figures.idles().filter(({ connections }) => connections >= CROWD);
}

/**
 * Rows: target, what is aimed at, what was measured, over how many rounds, of the bare engine, and
 * how it stands.
 */
export function targetRows(figures: Figures): string[][] {
  return TARGETS.map((target) => {
    const { name, bound, limit, unit } = target;
    const reading = target.read(figures);
    const aim = `${bound === "least" ? "≥" : "≤"} ${figure(limit, unit)}`;
    const standing = standingOf(target, reading);
    const bare = target.readBare?.(figures) ?? null;
    const ofBare = bare === null ? "–" : figure(bare.median, unit);
    if (reading === null) return [name, aim, "–", "–", ofBare, standing];
    const { median, low, high, count } = reading;
    const spread = count === 1 ? "one" : `${figure(low, "")} – ${figure(high, "")}`;
    return [name, aim, figure(median, unit), spread, ofBare, standing];
  });
}

function figure(value: number, unit: string): string {
  const digits = Math.abs(value) >= 1_000 ? 0 : Math.abs(value) >= 10 ? 1 : 3;
  const text = value.toLocaleString("en", { maximumFractionDigits: digits });
  return unit === "" ? text : `${text} ${unit}`;
}

export const TARGET_COLUMNS = [
  "target",
  "aim",
  "median",
  "rounds",
  "bare engine",
  "standing",
] as const;
