import { afterEach, beforeEach, expect, test } from "bun:test";
import { RedisBackplane } from "../../src/backplane/redis.ts";
import { systemClock } from "../../src/clock.ts";
import { BackplaneRecorder } from "../support/backplane-recorder.ts";
import { RedisServer } from "../support/redis-server.ts";

let redis: RedisServer;
let started: BackplaneRecorder[] = [];

beforeEach(async () => {
  redis = await RedisServer.start();
});
afterEach(async () => {
  for (const { backplane } of started) await backplane.close();
  started = [];
  await redis[Symbol.asyncDispose]();
});

function node(nodeId: string, url = redis.url): BackplaneRecorder {
  const recorder = new BackplaneRecorder(
    new RedisBackplane({
      ...{ nodeId, url, prefix: "test:", clock: systemClock, random: Math.random },
      ...{ timeoutMs: 500, reconnectMs: 100, pendingBytes: 1024 * 1024 },
    }),
  );
  started.push(recorder);
  return recorder;
}

test.each(["pubsub", "normal"])("its %s connection killed alone heals", async (type) => {
  const [a, b] = [node("a"), node("b")];
  b.backplane.subscribe("/topic/x");
  await b.hears(a.backplane, "/topic/x");
  const reconnects = () => a.backplane.counts.reconnects + b.backplane.counts.reconnects;
  await redis.command("CLIENT", "KILL", "TYPE", type);
  const isSubscriber = type === "pubsub";
  await b.until(() => b.gaps === (isSubscriber ? 1 : 0) && b.states.length >= 3);
  await a.connected();
  await b.hears(a.backplane, "/topic/x");
  // A node that listens to nothing has no connection of the one kind, in Redis' eyes.
  expect(reconnects()).toBe(isSubscriber ? 1 : 3);
});

test("a new connection subscribes by few commands, none of them to a great many channels", async () => {
  const a = node("a");
  for (let count = 0; count < 1_200; count += 1) a.backplane.subscribe(`/topic/${count}`);
  await a.until(() => a.subscriptions.length === 1_200);
  await redis.kill();
  await a.until(() => !a.backplane.isConnected);
  await redis.start();
  await a.connected();
  const channels = await redis.command("PUBSUB", "CHANNELS", "test:*");
  expect(channels.split("\n")).toHaveLength(1_200);
  expect(await redis.command("INFO", "commandstats")).toContain("cmdstat_subscribe:calls=3,");
});

test("all keys removed, nothing changes", async () => {
  const [a, b] = [node("a"), node("b")];
  b.backplane.subscribe("/topic/x");
  await b.hears(a.backplane, "/topic/x");
  await redis.command("FLUSHALL");
  a.backplane.publish("/topic/x", Buffer.from("1"));
  await b.until(() => b.messages.length === 1);
  expect(b.gaps).toBe(0);
});

test("a password of nobody in particular, and a database by its number", async () => {
  await redis.command("CONFIG", "SET", "requirepass", "s3cret-word");
  const [wrong, right] = ["wr0ng-word", "s3cret-word"].map((password) =>
    node(password, `redis://:${password}@127.0.0.1:${redis.port}/3`),
  );
  await right?.connected();
  await wrong?.until(() => wrong.states.length > 0);
  expect(wrong?.states[0]).toContain("WRONGPASS");
  expect(JSON.stringify([wrong?.states, right?.states])).not.toContain('word"');
});
