import { type Reading, readingOf } from "../figures.ts";
import type { NodesReport, NodesSample, Phase, Placement, Setup, Work } from "./samples.ts";

/** An installation: what was started, whatever its users did. */
export interface InstallationOf {
  readonly setup: Setup;
  readonly nodes: number;
  readonly placement: Placement;
}

/** One node without others, in each setup. */
export function alone(setup: Setup): InstallationOf {
  return { setup, nodes: 1, placement: "spread" };
}

export const CLUSTER: Setup = "PostgreSQL and Redis";

/** Nodes that share a PostgreSQL and a Redis. */
export function together(nodes: number, placement: Placement = "spread"): InstallationOf {
  return { setup: CLUSTER, nodes, placement };
}

/** What was measured of several nodes, by installation and work. */
export class NodesFigures {
  readonly #samples: readonly NodesSample[];

  constructor({ samples }: Pick<NodesReport, "samples">) {
    this.#samples = samples;
  }

  /** Each once, in their order. */
  installations(work: Work): InstallationOf[] {
    const found = this.#samples.filter(({ phases }) => phases.some((each) => each.work === work));
    const byName = new Map(found.map((sample) => [nameOf(sample), sample]));
    return [...byName.values()];
  }

  /** Each once, in their order. */
  sizes(work: Work): number[] {
    const phases = this.#samples.flatMap((sample) => sample.phases);
    return [...new Set(phases.filter((each) => each.work === work).map(({ size }) => size))];
  }

  /** What was measured where, each once, in their order. */
  works(): { of: InstallationOf; work: Work; size: number }[] {
    const found = this.#samples.flatMap((of) =>
      of.phases
        .filter(({ count }) => count > 0)
        .map(({ work, size }) => [`${nameOf(of)} ${work} ${size}`, { of, work, size }] as const),
    );
    return [...new Map(found).values()];
  }

  /** Of all rounds. @param size any, when it is left out */
  phases(of: InstallationOf, work: Work, size?: number): Phase[] {
    return this.#samples
      .filter((sample) => nameOf(sample) === nameOf(of))
      .flatMap(({ phases }) => phases)
      .filter((each) => each.work === work && (size === undefined || each.size === size));
  }

  /** The figure of every round; null where there is none. */
  reading(
    of: InstallationOf,
    work: Work,
    size: number | undefined,
    figure: (phase: Phase) => number,
  ): Reading | null {
    return readingOf(this.phases(of, work, size).map(figure));
  }
}

export function nameOf({ setup, nodes, placement }: InstallationOf): string {
  const count = nodes === 1 ? "1 node" : `${nodes} nodes`;
  return nodes === 1 ? `${count}, ${setup}` : `${count}, ${setup}, ${placement}`;
}

/** CPU time of each of what took part, for one operation; in microseconds. */
export function nodesUs({ used, count }: Phase): number {
  return (used.nodesCpuSeconds * 1e6) / count;
}

export function redisUs({ used, count }: Phase): number {
  return (used.redisCpuSeconds * 1e6) / count;
}

export function postgresUs({ used, count }: Phase): number {
  return (used.postgresCpuSeconds * 1e6) / count;
}

export function allUs(phase: Phase): number {
  return nodesUs(phase) + redisUs(phase) + postgresUs(phase);
}

export function commits({ used, count }: Phase): number {
  return used.commits / count;
}

export function publishes({ used, count }: Phase): number {
  return used.publishes / count;
}

export function walBytes({ used, count }: Phase): number {
  return used.walBytes / count;
}

export function databaseBytes({ before, after, count }: Phase): number {
  return (after.databaseBytes - before.databaseBytes) / count;
}

/** Of WebSocket frames, see `Traffic`. */
export function bytesToUsers({ used, count }: Phase): number {
  return used.bytesToUsers / count;
}

export function bytesFromUsers({ used, count }: Phase): number {
  return used.bytesFromUsers / count;
}

/** Of the times with that name, in milliseconds; NaN where there are none. */
export function percentile(name: string, which: "p50Ms" | "p99Ms"): (phase: Phase) => number {
  return ({ latencies }) => latencies.find((each) => each.name === name)?.[which] ?? Number.NaN;
}
