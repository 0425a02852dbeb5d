import type { IdleMeasurement, Latency, LoadMeasurement } from "./measurement.ts";
import type { Report, Result } from "./report-file.ts";

export type Server = "parley" | "bare";

/** One figure as it came in each round. */
export interface Reading {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly count: number;
}

/** null without any. */
export function readingOf(values: readonly number[]): Reading | null {
  const sorted = values.filter(Number.isFinite).toSorted((one, other) => one - other);
  const [low] = sorted;
  const high = sorted.at(-1);
  if (low === undefined || high === undefined) return null;
  const middle = (sorted.length - 1) / 2;
  const median = ((sorted[Math.floor(middle)] ?? low) + (sorted[Math.ceil(middle)] ?? high)) / 2;
  return { median, low, high, count: sorted.length };
}

/** A run's measurements by name. */
export class Figures {
  readonly #results: readonly (Result & { readonly server: Server })[];
  /** What was measured in rounds, by turns with the bare engine. */
  readonly #inRounds: ReadonlySet<string>;

  constructor({ load, ratios }: Pick<Report, "load" | "ratios">) {
    const loads = load.map((result) => ({ ...result, server: "parley" as const }));
    this.#results = [...loads, ...ratios];
    this.#inRounds = new Set(
      ratios.flatMap(({ measurements }) => measurements.map(({ name }) => name)),
    );
  }

  /**
   * Of every round in which the server was measured under that name; a measurement beside the rounds,
   * in another part of the run, is not one of them.
   */
  loads(name: string, server: Server = "parley"): LoadMeasurement[] {
    const results = this.#results.filter((result) => result.server === server);
    const rounds = results.filter((result) => "round" in result);
    const measured = (this.#inRounds.has(name) ? rounds : results).flatMap(
      ({ measurements }) => measurements,
    );
    return measured.filter(
      (each): each is LoadMeasurement => each.kind === "load" && each.name === name,
    );
  }

  /** Of all servers and scenarios, each once, in their order. */
  names(server: Server = "parley"): string[] {
    return [...new Set(this.#measurements(server).map(({ name }) => name))];
  }

  /** By the number of connections. */
  idles(): IdleMeasurement[] {
    return this.#measurements("parley")
      .filter((each) => each.kind === "idle")
      .toSorted((one, other) => one.connections - other.connections);
  }

  #measurements(server: Server) {
    return this.#results
      .filter((result) => result.server === server)
      .flatMap(({ measurements }) => measurements);
  }
}

export function deliveriesPerCpuSecond({ deliveries, serverCpuSeconds }: LoadMeasurement): number {
  return deliveries / serverCpuSeconds;
}

export function messagesPerCpuSecond({ messages, serverCpuSeconds }: LoadMeasurement): number {
  return messages / serverCpuSeconds;
}

export function kibOfConnection({ rssBytesAfter, rssBytesBefore, connections }: IdleMeasurement) {
  return (rssBytesAfter - rssBytesBefore) / connections / 1_024;
}

/** The one of that name, undefined where it was not measured. */
export function latencyOf({ latencies }: LoadMeasurement, name: string): Latency | undefined {
  return latencies.find((latency) => latency.name === name);
}

/** One to one where both have as many rounds: the ratio of each round, else of the medians alone. */
export function ratioOf(ours: readonly number[], theirs: readonly number[]): Reading | null {
  const [our, their] = [readingOf(ours), readingOf(theirs)];
  if (our === null || their === null) return null;
  const median = our.median / their.median;
  if (ours.length !== theirs.length) return { median, low: median, high: median, count: 1 };
  const rounds = readingOf(ours.map((value, round) => value / (theirs[round] ?? Number.NaN)));
  return rounds === null ? null : { ...rounds, median };
}
