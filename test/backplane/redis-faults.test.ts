import { afterEach, beforeEach, expect, test } from "bun:test";
import { RedisBackplane, type RedisBackplaneOptions } from "../../src/backplane/redis.ts";
import { type Clock, systemClock } from "../../src/clock.ts";
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

const TIMEOUT_MS = 500;

function backplane(options: Partial<RedisBackplaneOptions>): RedisBackplane {
  return new RedisBackplane({
    ...{ nodeId: "a", url: redis.url, prefix: "test:", clock: systemClock, random: Math.random },
    ...{ timeoutMs: TIMEOUT_MS, reconnectMs: 100, pendingBytes: 1024 * 1024 },
    ...options,
  });
}

function node(nodeId: string, url = redis.url): BackplaneRecorder {
  const recorder = new BackplaneRecorder(backplane({ nodeId, url }));
  started.push(recorder);
  return recorder;
}

const CHANNELS = Array.from({ length: 1_200 }, (_, count) => `/topic/${count}`);

test("killed and started again, it carries all that was listened to before, and tells of the gap", async () => {
  const [a, b] = [node("a"), node("b")];
  for (const channel of CHANNELS) b.backplane.subscribe(channel);
  b.backplane.subscribePrefix("/topic/p");
  await b.hears(a.backplane, "/topic/1199");
  await b.hears(a.backplane, "/topic/p1");
  await redis.kill();
  await a.until(() => !a.backplane.isConnected);
  await b.until(() => !b.backplane.isConnected);
  a.backplane.publish("/topic/1", Buffer.from("lost"));
  expect(a.backplane.counts.dropped).toBeGreaterThan(0);
  b.backplane.subscribe("/topic/meanwhile");
  b.backplane.unsubscribe("/topic/0");
  await redis.start();
  await a.connected();
  await b.connected();
  await b.until(() => b.gaps === 1);
  for (const channel of [...CHANNELS, "/topic/p2", "/topic/meanwhile"]) {
    a.backplane.publish(channel, Buffer.from("back"));
  }
  await b.until(() => b.messages.includes("a /topic/meanwhile back"));
  expect(b.messages).toEqual(
    [...CHANNELS.slice(1), "/topic/p2", "/topic/meanwhile"].map((name) => `a ${name} back`),
  );
  expect(b.states.at(-1)).toBeNull();
  expect(b.backplane.counts.reconnects).toBe(2);
});

test("not there at the start, it is found later", async () => {
  const { port } = redis;
  await redis.kill();
  const [a, b] = [node("a"), node("b")];
  b.backplane.subscribe("/topic/x");
  await b.until(() => b.states.length > 0);
  expect(b.states[0]).toContain(String(port));
  await redis.start();
  await b.hears(a.backplane, "/topic/x");
  expect([b.gaps, b.backplane.counts.reconnects]).toEqual([0, 0]);
});

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

test("paused, publishing neither waits nor fills the memory, and all heals", async () => {
  const [a, b] = [node("a"), node("b")];
  b.backplane.subscribe("/topic/x");
  await b.hears(a.backplane, "/topic/x");
  redis.pause();
  const payload = Buffer.alloc(64 * 1024);
  const before = process.memoryUsage.rss();
  for (let count = 0; count < 4_000; count += 1) {
    a.backplane.publish("/topic/x", payload);
    if (count % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(a.backplane.counts.dropped).toBeGreaterThan(3_900);
  expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024);
  await a.until(() => !a.backplane.isConnected);
  expect(a.states.at(-1)).toBe("no answer in time");
  redis.resume();
  await a.connected();
  await b.connected();
  await b.hears(a.backplane, "/topic/x");
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

test("what is of no node is counted and dropped", async () => {
  const [a, b] = [node("a"), node("b")];
  b.backplane.subscribe("/topic/x");
  await b.hears(a.backplane, "/topic/x");
  for (const text of ["", "hello", "\u0001", "{}"]) {
    await redis.command("PUBLISH", "test:/topic/x", text);
  }
  await b.hears(a.backplane, "/topic/x");
  expect(b.backplane.counts.invalid).toBe(4);
});

test("a password is needed and is told to nobody", async () => {
  await redis.command("CONFIG", "SET", "requirepass", "s3cret-word");
  const [wrong, right] = ["wr0ng-word", "s3cret-word"].map((password) =>
    node(password, `redis://:${password}@127.0.0.1:${redis.port}/3`),
  );
  await right?.connected();
  await wrong?.until(() => wrong.states.length > 0);
  expect(wrong?.states[0]).toContain("WRONGPASS");
  expect(JSON.stringify([wrong?.states, right?.states])).not.toContain('word"');
});

test("who is turned away at once comes back after pauses that grow, and are told once", async () => {
  const attempts = Promise.withResolvers<void>();
  let count = 0;
  using door = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        count += 1;
        if (count === 16) attempts.resolve();
        socket.end();
      },
      data() {},
    },
  });
  const pausesMs: number[] = [];
  const clock: Clock = {
    ...systemClock,
    schedule(delayMs, task) {
      if (delayMs < TIMEOUT_MS) pausesMs.push(delayMs);
      return systemClock.schedule(delayMs, task);
    },
  };
  const url = `redis://127.0.0.1:${door.port}`;
  const a = new BackplaneRecorder(backplane({ nodeId: "a", url, clock, random: () => 1 }));
  started.push(a);
  await attempts.promise;
  const [first = 0, ...later] = pausesMs;
  expect(first).toBeLessThanOrEqual(100);
  expect(later.slice(1).every((pauseMs) => pauseMs === 100)).toBe(true);
  expect(new Set(a.states).size).toBe(a.states.length);
});
