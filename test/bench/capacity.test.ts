import { expect, test } from "bun:test";
import { type Costs, needsOf, USUAL } from "../../bench/capacity/needs.ts";

const COSTS: Costs = {
  ...{ nodeBytes: 100, connectionBytes: 2, idleUs: 1, visitUs: 10, visitElsewhereUs: 3 },
  ...{ messageUs: 100, publishes: 3, publishUs: 4, channelBytes: 5, postgresUs: 50 },
  ...{ commits: 0.5, walBytes: 7, databaseBytes: 9 },
};

test("needs are the load's rates times what each thing costs; each node pays for all visits", () => {
  const load = { ...USUAL, users: 86_400, messagesPerUserDay: 10, visitsPerUserDay: 2 };
  expect(needsOf(COSTS, { ...load, peakFactor: 1, usersPerNode: 43_200 })).toEqual({
    ...{ messagesPerSecond: 10, visitsPerSecond: 2, nodes: 2 },
    coresOfNode: ((86_400 + 1_000 + 20) / 2 + 6) / 1e6,
    bytesOfNode: 100 + 86_400,
    redisCores: 120 / 1e6,
    redisBytes: 5 * 86_400,
    postgresCores: 500 / 1e6,
    commitsPerSecond: 5,
    walBytesPerSecond: 70,
    databaseBytesPerDay: 86_400 * 90,
  });
});
