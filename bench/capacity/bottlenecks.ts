import type { Units, Workload } from "./assumptions.ts";
import type { Costs } from "./costs.ts";
import { type Needs, needsOf, nodeWireBytes, redisWireBytes } from "./needs.ts";

/** Something of which one unit holds so much. */
interface Resource {
  readonly name: string;
  /** What of it is used at the load. */
  used(needs: Needs, units: Units, load: Workload): number;
  /** What one unit holds of it. */
  holds(units: Units, costs: Costs): number;
  /** Of either, with its unit. */
  show(amount: number): string;
  /** What to do when it is full. */
  readonly remedy: string;
}

export interface Bottleneck {
  readonly name: string;
  readonly used: string;
  readonly holds: string;
  /** 1: full. */
  readonly share: number;
  /** Users with whom it is full, each node having as many as the load says; Infinity: never. */
  readonly fullAtUsers: number;
  readonly remedy: string;
}

/** More nodes than anybody has: what they do not fill is never full. */
const MOST_NODES = 100_000;

/** All resources, whichever is full with the fewest users first. */
export function bottlenecksOf(costs: Costs, load: Workload, units: Units): Bottleneck[] {
  return RESOURCES.map(({ name, used, holds, show, remedy }): Bottleneck => {
    const most = holds(units, costs);
    const shareOf = (users: number) => {
      const there = { ...load, users };
      return used(needsOf(costs, there), units, there) / most;
    };
    const share = shareOf(load.users);
    return {
      ...{ name, share, remedy, used: show(share * most), holds: show(most) },
      fullAtUsers: usersWhenFull(shareOf, load.usersPerNode),
    };
  }).toSorted((one, other) =>
    one.fullAtUsers === other.fullAtUsers
      ? other.share - one.share
      : one.fullAtUsers - other.fullAtUsers,
  );
}

/**
 * With full nodes, since what a node has to do grows from its first user to its last, and grows with
 * each node beside it.
 */
function usersWhenFull(shareOf: (users: number) => number, usersPerNode: number): number {
  if (shareOf(usersPerNode) > 1) return last(usersPerNode, (users) => shareOf(users) <= 1);
  if (shareOf(MOST_NODES * usersPerNode) <= 1) return Number.POSITIVE_INFINITY;
  return usersPerNode * last(MOST_NODES, (nodes) => shareOf(nodes * usersPerNode) <= 1);
}

/** The highest number below `limit` that holds; 0, when none does. */
function last(limit: number, holds: (number: number) => boolean): number {
  let [low, high] = [0, limit];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (holds(middle)) low = middle;
    else high = middle;
  }
  return low;
}

const cores = (amount: number) => `${amount.toFixed(2)} cores`;
const megabytes = (amount: number) => `${(amount / 1e6).toFixed(1)} MB/s`;
const mebibytes = (amount: number) => `${count(amount / 2 ** 20)} MiB`;
const gigabytes = (amount: number) => `${count(amount / 1e9)} GB`;

function count(value: number): string {
  return Math.round(value).toLocaleString("en");
}

const RESOURCES: readonly Resource[] = [
  {
    name: "CPU of a node",
    used: ({ total, nodes }) => total.nodesCpuSeconds / nodes,
    holds: ({ nodeCores }) => nodeCores,
    show: cores,
    remedy:
      "More nodes with fewer users each, or `--processes` on the same machines; what each node hears of all others does not become less by it.",
  },
  {
    name: "Memory of a node",
    used: ({ bytesOfNode }) => bytesOfNode,
    holds: ({ nodeBytes }) => nodeBytes,
    show: mebibytes,
    remedy:
      "More memory: each node knows the users of all others, so that more nodes only help with its own connections.",
  },
  {
    name: "Network of a node",
    used: (needs, units) => nodeWireBytes(needs, units),
    holds: ({ nodeNicBytesPerSecond }) => nodeNicBytesPerSecond,
    show: megabytes,
    remedy: "Fewer users a node and machine, or a faster network.",
  },
  {
    name: "CPU of Redis",
    used: ({ total }) => total.redisCpuSeconds,
    holds: ({ redisCores }) => redisCores,
    show: cores,
    remedy:
      "A Redis Cluster (`redis+cluster://`) shares the channels of users and groups among its servers, RabbitMQ or a NATS cluster take its place; the channel that all nodes hear stays with one server.",
  },
  {
    name: "CPU of Redis for presence alone",
    used: ({ toAllNodes }) => toAllNodes.redisCpuSeconds,
    holds: ({ redisCores }) => redisCores,
    show: cores,
    remedy:
      "Fewer, larger nodes: all nodes hear of each user who comes or goes on one channel, which a Redis Cluster does not share out. Else installations of their own for users who do not see each other.",
  },
  {
    name: "Network of Redis",
    used: (needs, units) => redisWireBytes(needs, units),
    holds: ({ redisNicBytesPerSecond }) => redisNicBytesPerSecond,
    show: megabytes,
    remedy: "A faster network; a Redis Cluster, for all but presence.",
  },
  {
    name: "Memory of Redis",
    used: ({ redisBytes }) => redisBytes,
    holds: (units) => units.redisBytes,
    show: mebibytes,
    remedy: "More memory; a Redis Cluster.",
  },
  {
    name: "CPU of PostgreSQL",
    used: ({ total }) => total.postgresCpuSeconds,
    holds: ({ postgresCores }) => postgresCores,
    show: cores,
    remedy:
      "A server with more cores. Nodes write and read in one PostgreSQL: read replicas take nothing off it, as Parley reads from the one that it writes to. Beyond one server, installations of their own for users who do not write to each other.",
  },
  {
    name: "Commits of PostgreSQL",
    used: ({ total }) => total.commits,
    holds: (_, { commitsPerSecond }) => commitsPerSecond,
    show: (amount) => `${count(amount)}/s`,
    remedy:
      "A disk that flushes faster (NVMe with a cache that outlives a loss of power), and more cores beside it; with `commit_delay` more commits share a flush.",
  },
  {
    name: "Write-ahead log of PostgreSQL",
    used: ({ total }) => total.walBytes,
    holds: ({ walBytesPerSecond }) => walBytesPerSecond,
    show: megabytes,
    remedy: "A faster disk for the log; longer between checkpoints (`max_wal_size`).",
  },
  {
    name: "Disk of PostgreSQL",
    used: ({ databaseBytesPerDay }, _, { keptDays }) => databaseBytesPerDay * keptDays,
    holds: ({ diskBytes }) => diskBytes,
    show: gigabytes,
    remedy: "A larger disk, or messages that are kept for less time (`retention.max_age_days`).",
  },
  {
    name: "Connections to PostgreSQL",
    used: (needs) => needs.databaseConnections,
    holds: ({ postgresConnections }) => postgresConnections,
    show: count,
    remedy:
      "Fewer a node (`database.connections`, 4 and one more at least), more users a node, or a higher `max_connections` with the memory for it.",
  },
];
