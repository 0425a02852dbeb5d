import * as read from "../nodes/figures.ts";
import type { NodesReport, Phase, Usage } from "../nodes/samples.ts";
import { UNITS, type Units, type Workload } from "./assumptions.ts";
import type { Bottleneck } from "./bottlenecks.ts";
import type { Costs } from "./costs.ts";
import { type Needs, needsOf, nodeWireBytes, redisWireBytes } from "./needs.ts";

/** What a CPU-second does by the number of nodes, in the closed loop of 1:1 messages. */
export function ratioRows(report: NodesReport): string[][] {
  const figures = new read.NodesFigures(report);
  const cost = (of: read.InstallationOf, figure: (phase: Phase) => number) =>
    figures.reading(of, "full", undefined, figure)?.median ?? Number.NaN;
  const one = cost(read.alone(read.CLUSTER), read.allUs);
  return [
    ["1:1, full", "Messages a CPU-second of nodes", "of everything", "to one node of a cluster"],
    ...figures
      .installations("full")
      .map((of) => [
        read.nameOf(of),
        whole(1e6 / cost(of, read.nodesUs)),
        whole(1e6 / cost(of, read.allUs)),
        (one / cost(of, read.allUs)).toFixed(2),
      ]),
  ];
}

/** What one message takes, and what each node more adds to it. */
export function messageRows({ messages, reading }: Costs): string[][] {
  const cells = (usage: Usage) => [
    ...[usage.nodesCpuSeconds, usage.redisCpuSeconds, usage.postgresCpuSeconds].map(micro),
    ...[usage.publishes, usage.commits].map((value) => value.toFixed(2)),
    ...[usage.walBytes, usage.redisBytesIn, usage.redisBytesOut].map(whole),
    ...[usage.bytesToUsers, usage.bytesFromUsers].map(whole),
  ];
  return [
    [
      ...["A message", "Nodes µs", "Redis µs", "PostgreSQL µs", "Publishes", "Commits"],
      ...["WAL bytes", "Bytes to Redis", "from Redis", "to users", "from users"],
    ],
    ...[...messages, reading].flatMap((cost) => {
      const { members, here, elsewhere, nowhere } = cost;
      const ofMessage = members === 2 ? "1:1" : `to a group of ${members}`;
      const what = cost === reading ? "READ of one" : ofMessage;
      const rows = [
        [`${what}, on one node`, ...cells(here)],
        ["… each further node with members", ...cells(elsewhere)],
      ];
      const isHeardByAll = Object.values(nowhere).some((value) => value > 0);
      return isHeardByAll ? [...rows, ["… each node without any", ...cells(nowhere)]] : rows;
    }),
  ];
}

/** What costs something whether anybody writes or not. */
export function standingRows(costs: Costs): string[][] {
  const { connection, node, visit, heardBeat, heardChange } = costs;
  const row = (name: string, usage: Usage) => [
    name,
    ...[usage.nodesCpuSeconds, usage.redisCpuSeconds, usage.postgresCpuSeconds].map((seconds) =>
      (seconds * 1e6).toFixed(1),
    ),
    usage.redisBytesOut.toFixed(0),
    ...[usage.bytesToUsers, usage.bytesFromUsers].map((bytes) => bytes.toFixed(1)),
  ];
  return [
    ["", "Nodes µs", "Redis µs", "PostgreSQL µs", "Bytes from Redis", "to users", "from users"],
    row("an idle connection, a second", connection),
    row("a node without users, a second", node),
    row("a visit: a user comes and goes", visit),
    row("a node's beat, at each node that hears it", heardBeat),
    row("a change of a user, at each node that hears it", heardChange),
  ];
}

/** A column for each workload. */
export function needsRows(
  costs: Costs,
  loads: readonly Workload[],
  units: Units = UNITS,
): string[][] {
  const needs = loads.map((load) => needsOf(costs, load));
  const row = (name: string, of: (need: Needs) => string) => [name, ...needs.map(of)];
  const perNode = (of: (need: Needs) => number) => (need: Needs) => of(need) / need.nodes;
  return [
    ["Users", ...loads.map(({ users }) => whole(users))],
    row("messages/s", (need) => whole(need.messagesPerSecond)),
    row("visits/s", (need) => whole(need.visitsPerSecond)),
    row("nodes", (need) => whole(need.nodes)),
    row("cores of each", (need) => perNode(({ total }) => total.nodesCpuSeconds)(need).toFixed(2)),
    row("MiB of each", (need) => whole(need.bytesOfNode / 2 ** 20)),
    row("MB/s of each", (need) => (nodeWireBytes(need, units) / 1e6).toFixed(2)),
    row("Redis cores", ({ total }) => total.redisCpuSeconds.toFixed(3)),
    row("Redis MiB", (need) => whole(need.redisBytes / 2 ** 20)),
    row("Redis MB/s", (need) => (redisWireBytes(need, units) / 1e6).toFixed(2)),
    row("PostgreSQL cores", ({ total }) => total.postgresCpuSeconds.toFixed(2)),
    row("commits/s", ({ total }) => whole(total.commits)),
    row("WAL MB/s", ({ total }) => (total.walBytes / 1e6).toFixed(2)),
    row("disk GB/day", (need) => (need.databaseBytesPerDay / 1e9).toFixed(1)),
    row("connections to PostgreSQL", (need) => whole(need.databaseConnections)),
  ];
}

/** Of what each kind of work takes its part. */
export function partRows({ direct, groups, readings, visits, idle, total }: Needs): string[][] {
  const row = (name: string, of: (usage: Usage) => number) => [
    name,
    ...[direct, groups, readings, visits, idle].map((part) =>
      of(total) > 0 ? `${((100 * of(part)) / of(total)).toFixed(0)} %` : "–",
    ),
  ];
  return [
    [
      ...["Of", "1:1 messages", "group messages", "READ"],
      ...["visits and presence", "idle connections and nodes"],
    ],
    row("nodes' CPU", (usage) => usage.nodesCpuSeconds),
    row("bytes to users", (usage) => usage.bytesToUsers),
    row("Redis' CPU", (usage) => usage.redisCpuSeconds),
    row("bytes from Redis", (usage) => usage.redisBytesOut),
    row("PostgreSQL's CPU", (usage) => usage.postgresCpuSeconds),
    row("commits", (usage) => usage.commits),
    row("WAL", (usage) => usage.walBytes),
  ];
}

export function bottleneckRows(ranked: readonly Bottleneck[]): string[][] {
  return [
    ["", "Resource", "Used", "One holds", "Share", "Full at users"],
    ...ranked.map(({ name, used, holds, share, fullAtUsers }, index) => [
      ...[String(index + 1), name, used, holds],
      ...[percent(share), fullText(fullAtUsers)],
    ]),
  ];
}

/** Two digits that count: the computation knows no more. */
export function fullText(users: number): string {
  if (!Number.isFinite(users)) return "never";
  return Number(users.toPrecision(2)).toLocaleString("en");
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
}

export function whole(value: number): string {
  return Math.round(value).toLocaleString("en");
}

function micro(seconds: number): string {
  return (seconds * 1e6).toFixed(0);
}
