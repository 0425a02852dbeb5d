import { afterAll, beforeAll } from "bun:test";
import { RedisBackplane } from "../../src/backplane/redis.ts";
import { systemClock } from "../../src/clock.ts";
import { describeBackplane } from "../contract/backplane.ts";
import { InProcessNetwork } from "../support/in-process-backplane.ts";
import { RedisServer } from "../support/redis-server.ts";

const network = new InProcessNetwork();
describeBackplane("the network of one process", (nodeId) => network.node(nodeId));

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(async () => {
  await redis[Symbol.asyncDispose]();
});

describeBackplane(
  "Redis",
  (nodeId) =>
    new RedisBackplane({
      ...{ nodeId, url: redis.url, prefix: "test:", clock: systemClock, random: Math.random },
      ...{ timeoutMs: 5_000, reconnectMs: 1_000, pendingBytes: 16 * 1024 * 1024 },
    }),
);
