import { afterAll, beforeAll } from "bun:test";
import { Hub } from "../../src/backplane/hub.ts";
import { HubBackplane } from "../../src/backplane/hub-backplane.ts";
import { RedisBackplane } from "../../src/backplane/redis.ts";
import { systemClock } from "../../src/clock.ts";
import { describeBackplane } from "../contract/backplane.ts";
import { InProcessNetwork } from "../support/in-process-backplane.ts";
import { RedisCluster } from "../support/redis-cluster.ts";
import { RedisServer } from "../support/redis-server.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const network = new InProcessNetwork();
describeBackplane("the network of one process", (nodeId) => network.node(nodeId));

const PENDING_BYTES = 16 * 1024 * 1024;

const folder = new TemporaryFolder();
const hubPath = folder.file("hub.sock");
const hub = new Hub({ path: hubPath, pendingBytes: PENDING_BYTES, onSlow() {} });
afterAll(() => {
  hub.close();
  folder[Symbol.dispose]();
});
describeBackplane("the hub of one machine", (nodeId) => {
  const common = { clock: systemClock, random: Math.random, pendingBytes: PENDING_BYTES };
  return new HubBackplane({ nodeId, path: hubPath, ...common });
});

let redis: RedisServer;
let cluster: RedisCluster;
beforeAll(async () => {
  [redis, cluster] = await Promise.all([RedisServer.start(), RedisCluster.start(3)]);
}, 60_000);
afterAll(async () => {
  await redis[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
});

function node(nodeId: string, url: string): RedisBackplane {
  return new RedisBackplane({
    ...{ nodeId, url, prefix: "test:", clock: systemClock, random: Math.random },
    ...{ timeoutMs: 5_000, reconnectMs: 1_000, pendingBytes: 16 * 1024 * 1024 },
  });
}

describeBackplane("Redis", (nodeId) => node(nodeId, redis.url));
describeBackplane("a Redis Cluster", (nodeId) => node(nodeId, cluster.url));
