/** What was measured of one of each, CPU time in microseconds. */
export interface Costs {
  /** A node with nobody on it. */
  readonly nodeBytes: number;
  readonly connectionBytes: number;
  /** Of an idle connection, in a second. */
  readonly idleUs: number;
  /** An arrival and its departure: on the user's node, and on each other one. */
  readonly visitUs: number;
  readonly visitElsewhereUs: number;
  /** A 1:1 message from node to node. */
  readonly messageUs: number;
  readonly publishes: number;
  readonly publishUs: number;
  readonly channelBytes: number;
  readonly postgresUs: number;
  readonly commits: number;
  readonly walBytes: number;
  readonly databaseBytes: number;
}

export interface Workload {
  readonly users: number;
  readonly messagesPerUserDay: number;
  readonly visitsPerUserDay: number;
  /** The busiest second to the average one. */
  readonly peakFactor: number;
  readonly usersPerNode: number;
}

export interface Needs {
  readonly messagesPerSecond: number;
  readonly visitsPerSecond: number;
  readonly nodes: number;
  readonly coresOfNode: number;
  readonly bytesOfNode: number;
  readonly redisCores: number;
  readonly redisBytes: number;
  readonly postgresCores: number;
  readonly commitsPerSecond: number;
  readonly walBytesPerSecond: number;
  readonly databaseBytesPerDay: number;
}

export const USUAL: Workload = {
  ...{ users: 1_000_000, messagesPerUserDay: 20, visitsPerUserDay: 10 },
  ...{ peakFactor: 5, usersPerNode: 18_000 },
};
const DAY_SECONDS = 86_400;

/** Of the peak second; all that is 1:1, from node to node. */
export function needsOf(costs: Costs, load: Workload): Needs {
  const { users, peakFactor } = load;
  const messagesPerSecond = (users * load.messagesPerUserDay * peakFactor) / DAY_SECONDS;
  const visitsPerSecond = (users * load.visitsPerUserDay * peakFactor) / DAY_SECONDS;
  const nodes = Math.ceil(users / load.usersPerNode);
  const ownUs =
    users * costs.idleUs + messagesPerSecond * costs.messageUs + visitsPerSecond * costs.visitUs;
  return {
    ...{ messagesPerSecond, visitsPerSecond, nodes },
    coresOfNode: (ownUs / nodes + visitsPerSecond * costs.visitElsewhereUs) / 1e6,
    bytesOfNode: costs.nodeBytes + (users / nodes) * costs.connectionBytes,
    redisCores: (messagesPerSecond * costs.publishes * costs.publishUs) / 1e6,
    redisBytes: users * costs.channelBytes,
    postgresCores: (messagesPerSecond * costs.postgresUs) / 1e6,
    commitsPerSecond: messagesPerSecond * costs.commits,
    walBytesPerSecond: messagesPerSecond * costs.walBytes,
    databaseBytesPerDay: users * load.messagesPerUserDay * costs.databaseBytes,
  };
}
