import type { Children } from "./children.ts";
import type { Scenario } from "./load/job.ts";
import { runScenario, type ScenarioResult } from "./load/run.ts";
import type { ServerKind } from "./load/server-process.ts";
import { renderTable } from "./table.ts";

/** One scenario of one round against one server. */
export interface RatioSample extends ScenarioResult {
  readonly round: number;
  readonly server: ServerKind;
}

const ROUNDS = 3;

/**
 * Parley and the bare engine by turns, so that a slow spell of the machine falls on both, and a
 * server of its own for each sample.
 */
export async function runRatios(quick: boolean, children: Children): Promise<RatioSample[]> {
  const samples: RatioSample[] = [];
  for (let round = 1; round <= (quick ? 1 : ROUNDS); round += 1) {
    for (const { scenario, servers } of runsOf(quick)) {
      for (const server of servers) {
        console.log(`── round ${round}, ${server}: ${JSON.stringify(scenario)}`);
        samples.push({ round, server, ...(await runScenario(scenario, children, server)) });
      }
    }
  }
  return samples;
}

interface Run {
  readonly scenario: Scenario;
  readonly servers: readonly ServerKind[];
}

function runsOf(quick: boolean): Run[] {
  const both = ["bare", "parley"] as const;
  const fanOut = {
    scenario: "fan-out",
    publishesPerSecond: null,
    warmUpSeconds: quick ? 0.5 : 1,
    seconds: quick ? 1 : 2,
  } as const;
  const chat = {
    scenario: "chat-loop",
    pairs: 500,
    inFlight: 256,
    warmUpSeconds: quick ? 1 : 3,
    seconds: quick ? 2 : 3,
  } as const;
  return [
    { scenario: { ...fanOut, subscribers: 100, subscriptionIds: "shared" }, servers: both },
    { scenario: { ...fanOut, subscribers: 1_000, subscriptionIds: "shared" }, servers: both },
    { scenario: { ...chat, hasConfirmations: false }, servers: ["bare"] },
    { scenario: { ...chat, hasConfirmations: true }, servers: ["parley"] },
    // To the engine alone the ids are nothing.
    {
      scenario: { ...fanOut, subscribers: 1_000, subscriptionIds: "distinct" },
      servers: ["parley"],
    },
  ];
}

interface Ratio {
  readonly name: string;
  readonly bare: number;
  readonly parley: number;
}

/** What each measurement is a ratio to: where Parley's has no namesake, the one named here. */
const CEILINGS: Readonly<Record<string, string>> = {
  "fan-out 1 → 1,000, every id another, closed loop, W=64": "fan-out 1 → 1,000, closed loop, W=64",
  "fan-out 1 → 1,000, every id another, closed loop, W=1": "fan-out 1 → 1,000, closed loop, W=1",
};

/** Of the medians over the rounds, in deliveries a CPU-second of the server. */
function ratiosOf(samples: readonly RatioSample[]): Ratio[] {
  const rates = { bare: ratesByName(samples, "bare"), parley: ratesByName(samples, "parley") };
  return [...rates.parley].map(([name, values]) => ({
    name,
    bare: median(rates.bare.get(CEILINGS[name] ?? name) ?? []),
    parley: median(values),
  }));
}

function ratesByName(samples: readonly RatioSample[], kind: ServerKind): Map<string, number[]> {
  const rates = new Map<string, number[]>();
  for (const { server, measurements } of samples) {
    if (server !== kind) continue;
    for (const each of measurements) {
      if (each.kind !== "load") continue;
      const values = rates.get(each.name) ?? [];
      values.push(each.deliveries / each.serverCpuSeconds);
      rates.set(each.name, values);
    }
  }
  return rates;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = (sorted.length - 1) / 2;
  const low = sorted[Math.floor(middle)] ?? Number.NaN;
  const high = sorted[Math.ceil(middle)] ?? Number.NaN;
  return (low + high) / 2;
}

export function ratioTable(samples: readonly RatioSample[]): string {
  const columns = [
    "ratios to a bare Bun.serve",
    "bare deliv./CPU-s",
    "Parley deliv./CPU-s",
    "ratio",
  ];
  const rows = ratiosOf(samples).map(({ name, bare, parley }) => [
    name,
    ...[bare, parley].map((rate) => Math.round(rate).toLocaleString("en")),
    (parley / bare).toFixed(3),
  ]);
  return renderTable(columns, rows);
}
