import { afterEach, expect, test } from "bun:test";
import { slotOf } from "../../src/backplane/cluster-slots.ts";
import { RedisBackplane } from "../../src/backplane/redis.ts";
import { systemClock } from "../../src/clock.ts";
import { BackplaneRecorder } from "../support/backplane-recorder.ts";
import { RedisCluster } from "../support/redis-cluster.ts";

let cluster: RedisCluster;
let started: BackplaneRecorder[] = [];

async function startCluster(servers: number, replicas: number): Promise<void> {
  cluster = await RedisCluster.start(servers, replicas);
}

afterEach(async () => {
  for (const { backplane } of started) await backplane.close();
  started = [];
  await cluster[Symbol.asyncDispose]();
}, 20_000);

/** Its first attempts go to the server with this index. */
function node(nodeId: string, first: number, credentials = ""): BackplaneRecorder {
  const { servers } = cluster;
  const addresses = servers.map((_, index) => {
    return `127.0.0.1:${servers[(first + index) % servers.length]?.port}`;
  });
  const recorder = new BackplaneRecorder(
    new RedisBackplane({
      ...{
        nodeId,
        url: `redis+cluster://${credentials}${addresses}`,
        prefix: "test:",
        clock: systemClock,
      },
      ...{ timeoutMs: 500, reconnectMs: 200, pendingBytes: 1024 * 1024, random: Math.random },
    }),
  );
  started.push(recorder);
  return recorder;
}

const TOPICS = Array.from({ length: 40 }, (_, index) => `/topic/${index}`);

/** The second one listens to topics of all shards, and to a prefix. */
async function meet(): Promise<{ a: BackplaneRecorder; b: BackplaneRecorder }> {
  const [a, b] = [node("a", 0), node("b", 1)];
  for (const topic of TOPICS) b.backplane.subscribe(topic);
  b.backplane.subscribePrefix("/topic/p");
  for (const topic of [...TOPICS, "/topic/p1"]) await b.hears(a.backplane, topic);
  return { a, b };
}

async function hearsAll(b: BackplaneRecorder, a: BackplaneRecorder): Promise<void> {
  for (const topic of [...TOPICS, "/topic/p1"]) await b.hears(a.backplane, topic);
  const before = b.messages.length;
  for (const topic of TOPICS) a.backplane.publish(topic, Buffer.from("once"));
  await b.until(() => b.messages.length >= before + TOPICS.length);
  for (const topic of [...TOPICS, "/topic/p1"]) await b.hears(a.backplane, topic);
  expect(b.messages.slice(before).toSorted()).toEqual(
    TOPICS.map((topic) => `a ${topic} once`).toSorted(),
  );
}

test("a master killed, the nodes go on by the replica that takes its place", async () => {
  await startCluster(6, 1);
  const { a, b } = await meet();
  await hearsAll(b, a);
  const master = await cluster.master();
  await master.kill();
  await b.until(() => b.gaps > 0);
  await hearsAll(b, a);
  await a.connected();
  await b.connected();
}, 120_000);

test("slots are the cluster's own", async () => {
  await startCluster(3, 0);
  const names = [
    "",
    "a",
    "123456789",
    "x{tag}y",
    "{}x",
    "{a}{b}",
    "{{a}}b",
    "Grüße",
    "parley:/topic/x{",
  ];
  for (const name of names) {
    expect(String(slotOf(name))).toBe(
      (await cluster.servers[0]?.command("CLUSTER", "KEYSLOT", name)) ?? "",
    );
  }
}, 60_000);

test("a slot that goes to another master takes its channel along", async () => {
  await startCluster(3, 0);
  const { a, b } = await meet();
  await cluster.move(slotOf("test:/topic/7"));
  await b.until(() => b.gaps > 0);
  await hearsAll(b, a);
  await cluster.move(slotOf("test:/topic/7"));
  await b.until(() => b.gaps > 1);
  await hearsAll(b, a);
  // No connection was lost.
  expect(b.states).toEqual([null]);
}, 120_000);

test("a node may do no more than it needs", async () => {
  await startCluster(3, 0);
  const needed = ["+ping", "+hello", "+client", "+cluster|nodes", "+cluster|slots", "+pubsub"];
  const rules = ["on", ">pass", "resetchannels", "&test:*", "-@all", ...needed];
  for (const server of cluster.servers) {
    const subscribing = ["+spublish", "+ssubscribe", "+sunsubscribe"];
    await server.command("ACL", "SETUSER", "node", ...rules, ...subscribing);
    await server.command("ACL", "SETUSER", "default", "off");
  }
  const [a, b] = [node("a", 0, "node:pass@"), node("b", 1, "node:pass@")];
  b.backplane.subscribe("/topic/x");
  b.backplane.subscribePrefix("/topic/p");
  for (const topic of ["/topic/x", "/topic/p1"]) await b.hears(a.backplane, topic);
  b.backplane.unsubscribe("/topic/x");
  b.backplane.subscribe("/topic/y");
  await b.hears(a.backplane, "/topic/y");
  expect(b.states).toEqual([null]);
}, 60_000);

test("all servers killed and started again, everything is heard again", async () => {
  await startCluster(3, 0);
  const { a, b } = await meet();
  for (const server of cluster.servers) await server.kill();
  await b.until(() => !b.backplane.isConnected);
  for (const server of cluster.servers) await server.start();
  await hearsAll(b, a);
}, 120_000);

test("a server that is cut off from most of the cluster is not believed", async () => {
  await startCluster(3, 0);
  const { a, b } = await meet();
  const [first, , third] = cluster.servers;
  for (const server of [first, third]) server?.pause();
  await b.until(() => b.states.some((state) => state?.includes("cut off")));
  for (const server of [first, third]) server?.resume();
  await b.connected();
  await hearsAll(b, a);
}, 120_000);
