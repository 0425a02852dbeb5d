import { afterEach, beforeEach, expect, test } from "bun:test";
import { RedisBackplane } from "../../src/backplane/redis.ts";
import { systemClock } from "../../src/clock.ts";
import { BackplaneRecorder } from "../support/backplane-recorder.ts";
import { RedisCluster } from "../support/redis-cluster.ts";
import type { RedisServer } from "../support/redis-server.ts";

let cluster: RedisCluster;
let started: BackplaneRecorder[] = [];

beforeEach(async () => {
  cluster = await RedisCluster.start(3);
}, 60_000);

afterEach(async () => {
  for (const { backplane } of started) await backplane.close();
  started = [];
  await cluster[Symbol.asyncDispose]();
});

/** Its first attempts go to the server with this index. */
function node(nodeId: string, first: number): BackplaneRecorder {
  const servers = cluster.servers.map((_, index) => cluster.servers[(first + index) % 3]);
  const addresses = servers.map((server) => `127.0.0.1:${server?.port}`);
  const recorder = new BackplaneRecorder(
    new RedisBackplane({
      ...{ nodeId, url: `redis+cluster://${addresses}`, prefix: "test:", clock: systemClock },
      ...{ timeoutMs: 500, reconnectMs: 200, pendingBytes: 1024 * 1024, random: Math.random },
    }),
  );
  started.push(recorder);
  return recorder;
}

function server(index: number): RedisServer {
  const found = cluster.servers[index];
  if (found === undefined) throw new TypeError("no such server");
  return found;
}

async function meet(): Promise<{ a: BackplaneRecorder; b: BackplaneRecorder }> {
  const [a, b] = [node("a", 0), node("b", 1)];
  b.backplane.subscribe("/topic/x");
  b.backplane.subscribePrefix("/topic/p");
  await b.hears(a.backplane, "/topic/x");
  await b.hears(a.backplane, "/topic/p1");
  return { a, b };
}

test("nodes at different servers hear each other, and go to another when theirs is gone", async () => {
  const { a, b } = await meet();
  expect(await server(1).command("PUBSUB", "CHANNELS")).toBe("test:/topic/x");
  await server(1).kill();
  await b.until(() => b.gaps > 0);
  await b.hears(a.backplane, "/topic/x");
  await b.hears(a.backplane, "/topic/p1");
});

test("who is at a server that is cut off from most of the cluster leaves it", async () => {
  const { a, b } = await meet();
  for (const index of [0, 2]) server(index).pause();
  await b.until(() => b.states.some((state) => state?.includes("cut off")));
  for (const index of [0, 2]) server(index).resume();
  await b.connected();
  await b.hears(a.backplane, "/topic/x");
});
