import * as read from "./figures.ts";
import type { NodesReport, Phase } from "./samples.ts";

/** CPU times in microseconds of one operation, see `Phase`. */
export const NODES_COLUMNS = [
  ...["Installation", "Work", "Count", "Nodes µs", "Redis µs", "PostgreSQL µs"],
  ...["Publishes", "Commits", "WAL bytes", "Bytes to users", "from users"],
  "p50 / p99 ms",
] as const;

/** Each phase of each sample in which something was done. */
export function nodesRows({ samples }: NodesReport): string[][] {
  return samples.flatMap((sample) =>
    sample.phases
      .filter((phase) => phase.count > 0)
      .map((phase) => [
        read.nameOf(sample),
        `${phase.work} ${whole(phase.size)}`,
        whole(phase.count),
        ...[read.nodesUs, read.redisUs, read.postgresUs].map((of) => of(phase).toFixed(0)),
        ...[read.publishes, read.commits].map((of) => of(phase).toFixed(2)),
        read.walBytes(phase).toFixed(0),
        ...[read.bytesToUsers, read.bytesFromUsers].map((of) => of(phase).toFixed(0)),
        timesOf(phase),
      ]),
  );
}

/** Of what is counted first: from send to receipt, from reading to READ. */
function timesOf({ latencies: [first] }: Phase): string {
  return first === undefined ? "–" : `${first.p50Ms.toFixed(2)} / ${first.p99Ms.toFixed(2)}`;
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en");
}
