import { afterEach, beforeEach, expect, test } from "bun:test";
import { RedisBackplane } from "../../src/backplane/redis.ts";
import { systemClock } from "../../src/clock.ts";
import { BackplaneRecorder } from "../support/backplane-recorder.ts";
import type { RedisServer } from "../support/redis-server.ts";
import { WatchedRedis } from "../support/watched-redis.ts";

let watched: WatchedRedis;
let master: RedisServer;
let replica: RedisServer;
let sentinel: RedisServer;
let started: BackplaneRecorder[] = [];

beforeEach(async () => {
  watched = await WatchedRedis.start();
  ({ master, replica, sentinel } = watched);
}, 60_000);

afterEach(async () => {
  for (const { backplane } of started) await backplane.close();
  started = [];
  await watched[Symbol.asyncDispose]();
});

async function until(isReached: () => Promise<boolean>): Promise<void> {
  const late = AbortSignal.timeout(40_000);
  while (!(await isReached())) {
    if (late.aborted) throw new Error("waited in vain");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function node(nodeId: string, name?: string): BackplaneRecorder {
  const recorder = new BackplaneRecorder(
    new RedisBackplane({
      ...{
        nodeId,
        url: watched.urlOf(name),
        prefix: "test:",
        clock: systemClock,
        random: Math.random,
      },
      ...{ timeoutMs: 500, reconnectMs: 200, pendingBytes: 1024 * 1024 },
    }),
  );
  started.push(recorder);
  return recorder;
}

test.each(["killed", "paused"])(
  "the master %s, the nodes meet at the one that takes its place",
  async (fate) => {
    const [a, b] = [node("a"), node("b")];
    b.backplane.subscribe("/topic/x");
    b.backplane.subscribePrefix("/topic/p");
    await b.hears(a.backplane, "/topic/x");
    expect(await master.command("PUBSUB", "CHANNELS", "test:*")).toBe("test:/topic/x");
    if (fate === "killed") await master.kill();
    else master.pause();
    await until(async () => (await replica.command("ROLE")).startsWith("master"));
    await b.until(() => b.gaps > 0);
    await b.hears(a.backplane, "/topic/x");
    await b.hears(a.backplane, "/topic/p1");
    expect(await replica.command("PUBSUB", "CHANNELS", "test:*")).toBe("test:/topic/x");
    if (fate === "killed") return;
    // Whoever is master no more does not get anybody back.
    master.resume();
    await until(async () => (await master.command("ROLE")).startsWith("slave"));
    await b.hears(a.backplane, "/topic/x");
    expect(await replica.command("PUBSUB", "CHANNELS", "test:*")).toBe("test:/topic/x");
  },
  120_000,
);

test("a Sentinel that hangs costs no connection", async () => {
  const [a, b] = [node("a"), node("b")];
  b.backplane.subscribe("/topic/x");
  await b.hears(a.backplane, "/topic/x");
  sentinel.pause();
  const { connections } = await clientsOf(master);
  for (let probes = 0; probes < 3; probes += 1) {
    await until(async () => (await clientsOf(master)).pings > 0);
    await master.command("CONFIG", "RESETSTAT");
  }
  await b.hears(a.backplane, "/topic/x");
  expect((await clientsOf(master)).connections).toEqual(connections);
  expect([a.gaps, b.gaps]).toEqual([0, 0]);
  sentinel.resume();
}, 60_000);

/** The nodes' connections, and how many PINGs there were. */
async function clientsOf(server: RedisServer) {
  const list = await server.command("CLIENT", "LIST");
  const connections = [...list.matchAll(/^id=(\d+) .*name=parley:/gm)].map(([, id]) => id).sort();
  const stats = await server.command("INFO", "commandstats");
  return { connections, pings: Number(/cmdstat_ping:calls=(\d+)/.exec(stats)?.[1] ?? 0) };
}

test("a master of whom no Sentinel knows is a reason that is told", async () => {
  const stranger = node("a", "unknown-master");
  await stranger.until(() => stranger.states.some((state) => state?.includes("unknown-master")));
  expect(stranger.backplane.isConnected).toBe(false);
});
