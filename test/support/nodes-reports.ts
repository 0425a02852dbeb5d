import { NO_USAGE, sum, times } from "../../bench/capacity/usages.ts";
import { noFaults } from "../../bench/measurement.ts";
import type {
  Holdings,
  NodesReport,
  NodesSample,
  Phase,
  Placement,
  Usage,
  Work,
} from "../../bench/nodes/samples.ts";

const SECONDS = 2;
const MOST_NODES = 3;
const OTHERS = [4, 32];

const NOTHING: Holdings = {
  ...{ nodesRssBytes: 0, redisBytes: 0, redisChannels: 0 },
  ...{ databaseBytes: 0, databaseConnections: 0 },
};

/** What is put into a run, and is to be found in it again. CPU times in seconds. */
export const MADE_OF = {
  /** Of each node, in a second. */
  node: usage({ nodesCpuSeconds: 0.01, redisCpuSeconds: 0.001, publishes: 1 }),
  direct: usage({
    nodesCpuSeconds: 0.001,
    postgresCpuSeconds: 0.002,
    commits: 1,
    bytesToUsers: 90,
  }),
  directElsewhere: usage({ nodesCpuSeconds: 0.0005, commits: 0.25 }),
  reading: usage({ nodesCpuSeconds: 0.0002, commits: 1 }),
  /** Of each member. */
  member: usage({ nodesCpuSeconds: 0.0001, bytesToUsers: 50 }),
  groupElsewhere: usage({ nodesCpuSeconds: 0.002, publishes: 1 }),
  groupNowhere: usage({ nodesCpuSeconds: 0.0001, redisBytesOut: 600 }),
  visit: usage({ nodesCpuSeconds: 0.003, publishes: 2 }),
  /** In a second. */
  connection: usage({ nodesCpuSeconds: 1e-5, framesToUsers: 0.1 }),
  /** To each node that hears it. */
  change: usage({ redisCpuSeconds: 4e-6, redisBytesOut: 140 }),
  heardChangeSeconds: 5e-5,
  beatBytes: 120,
  ...{ nodeBytes: 1e8, connectionBytes: 30_000, othersUserBytes: 300, channelBytes: 200 },
  ...{ databaseBytes: 400, databaseConnections: 11, commitsPerSecond: 9_000 },
};

/** Of a run that measured exactly what is in `MADE_OF`. */
export function nodesReport(parts: Partial<NodesReport> = {}): NodesReport {
  return {
    ...{ postgres: "17.5", redis: "8.0.2", samples: samples() },
    commits: [
      { clients: 1, perSecond: 2_000 },
      { clients: 32, perSecond: MADE_OF.commitsPerSecond },
    ],
    othersUsers: {
      ...{ idBytes: 36, nameBytes: 20 },
      steps: [10_000, 50_000, 100_000].map((users) => ({
        users,
        liveBytes: 5e6 + 250 * users,
        rssBytes: 2e8 + MADE_OF.othersUserBytes * users,
      })),
    },
    ...parts,
  };
}

function samples(): NodesSample[] {
  const { direct, directElsewhere, reading, member, groupElsewhere, groupNowhere } = MADE_OF;
  const group = (members: number) => times(member, members);
  const pairs = (nodes: number, placement: Placement, used: Usage) =>
    sample(nodes, placement, [
      done("full", 256, nodes, used, 1_000, {
        ...{ databaseBytes: 1_000 * MADE_OF.databaseBytes },
        databaseConnections: nodes * MADE_OF.databaseConnections,
      }),
      done("paced", 250, nodes, used, 500),
    ]);
  const readings = (nodes: number, placement: Placement, used: Usage) =>
    sample(nodes, placement, [done("readings", 250, nodes, used, 500)]);
  const groups = (nodes: number, placement: Placement, members: number, used: Usage) =>
    sample(nodes, placement, [done("groups", members, nodes, used, 100)]);
  const further = MOST_NODES - 1;
  const apart = sum(direct, directElsewhere);
  return [
    pairs(1, "spread", direct),
    pairs(2, "apart", apart),
    pairs(MOST_NODES, "apart", apart),
    readings(1, "spread", reading),
    readings(MOST_NODES, "apart", reading),
    ...[8, 100].flatMap((members) => [
      groups(1, "spread", members, group(members)),
      groups(
        ...([MOST_NODES, "spread", members] as const),
        sum(group(members), times(groupElsewhere, further)),
      ),
    ]),
    groups(
      ...([MOST_NODES, "gathered", 100] as const),
      sum(group(100), times(groupNowhere, further)),
    ),
    ...[1, 2, MOST_NODES].map(crowd),
    sample(1, "spread", OTHERS.flatMap(others)),
  ];
}

function crowd(nodes: number): NodesSample {
  const { connection, visit } = MADE_OF;
  const holding = (users: number) => ({
    nodesRssBytes: nodes * MADE_OF.nodeBytes + users * MADE_OF.connectionBytes,
    redisBytes: 1e6 + users * MADE_OF.channelBytes,
    redisChannels: 16 + users,
  });
  return sample(nodes, "spread", [
    done("idle", 0, nodes, NO_USAGE, 0),
    ...[1_000, 4_000].map((users) => done("arrive", users, nodes, NO_USAGE, users, holding(users))),
    done("idle", 4_000, nodes, times(connection, SECONDS), 4_000),
    done("visits", 50, nodes, visit, 100),
  ]);
}

/** Each of the nodes beats once a second, and hears all; so it is with what they tell of users. */
function others(count: number): Phase[] {
  const all = count + 1;
  const beats = usage({
    nodesCpuSeconds: MADE_OF.heardChangeSeconds * count,
    redisBytesOut: MADE_OF.beatBytes * all * all,
    publishes: count,
  });
  const change = sum(
    times(MADE_OF.change, all),
    usage({ nodesCpuSeconds: MADE_OF.heardChangeSeconds, publishes: 1 }),
  );
  const inAll = times(beats, SECONDS);
  return [
    done("beats", count, 1, times(inAll, 1 / count), count),
    done("changes", count, 1, sum(change, times(inAll, 1 / 128)), 128),
  ];
}

/** @param used by each of `count`, beside what the nodes use anyway */
function done(
  work: Work,
  size: number,
  nodes: number,
  used: Usage,
  count: number,
  after: Partial<Holdings> = {},
): Phase {
  return {
    ...{ work, size, seconds: SECONDS, count, deliveries: count, repeated: 0 },
    used: sum(times(used, count), times(MADE_OF.node, nodes * SECONDS)),
    ...{ before: NOTHING, after: { ...NOTHING, ...after }, latencies: [], clientCpuSeconds: 0 },
  };
}

function sample(nodes: number, placement: Placement, phases: Phase[]): NodesSample {
  const setup = "PostgreSQL and Redis";
  return { round: 1, setup, nodes, placement, phases, faults: noFaults(), complaints: [] };
}

export function usage(parts: Partial<Usage>): Usage {
  return { ...NO_USAGE, ...parts };
}
