import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { RabbitMqBackplane, type RabbitMqBackplaneOptions } from "../../src/backplane/rabbitmq.ts";
import { StompLink } from "../../src/backplane/stomp-link.ts";
import { type Clock, systemClock } from "../../src/clock.ts";
import { parseRabbitMqUrl } from "../../src/config/rabbitmq-url.ts";
import { BackplaneRecorder } from "../support/backplane-recorder.ts";
import { RabbitMqServer } from "../support/rabbitmq-server.ts";

let rabbitmq: RabbitMqServer;
let started: BackplaneRecorder[] = [];

beforeAll(async () => {
  rabbitmq = await RabbitMqServer.start();
});
afterEach(async () => {
  for (const { backplane } of started) await backplane.close();
  started = [];
});
afterAll(() => rabbitmq[Symbol.asyncDispose]());

const TIMEOUT_MS = 500;

function backplane(options: Partial<RabbitMqBackplaneOptions>): RabbitMqBackplane {
  return new RabbitMqBackplane({
    ...{ nodeId: "a", url: rabbitmq.url, clock: systemClock, random: Math.random },
    ...{ heartbeatMs: 1_000, timeoutMs: TIMEOUT_MS, reconnectMs: 100 },
    ...{ pendingBytes: 1024 * 1024, ...options },
  });
}

function node(nodeId: string, url = rabbitmq.url): BackplaneRecorder {
  const recorder = new BackplaneRecorder(backplane({ nodeId, url }));
  started.push(recorder);
  return recorder;
}

const CHANNELS = Array.from({ length: 600 }, (_, count) => `/topic/${count}`);

test("killed and started again, it carries all that was listened to before, and tells of the gap", async () => {
  const [a, b] = [node("a"), node("b")];
  for (const channel of CHANNELS) b.backplane.subscribe(channel);
  b.backplane.subscribePrefix("/topic/p.");
  await b.hears(a.backplane, "/topic/599");
  await b.hears(a.backplane, "/topic/p.1");
  await rabbitmq.kill();
  await a.until(() => !a.backplane.isConnected);
  await b.until(() => !b.backplane.isConnected);
  a.backplane.publish("/topic/1", Buffer.from("lost"));
  expect(a.backplane.counts.dropped).toBeGreaterThan(0);
  b.backplane.subscribe("/topic/meanwhile");
  b.backplane.unsubscribe("/topic/0");
  await rabbitmq.start();
  await a.connected();
  await b.connected();
  await b.until(() => b.gaps === 1);
  for (const channel of [...CHANNELS, "/topic/p.2", "/topic/meanwhile"]) {
    a.backplane.publish(channel, Buffer.from("back"));
  }
  await b.until(() => b.messages.includes("a /topic/meanwhile back"));
  expect(b.messages).toEqual(
    [...CHANNELS.slice(1), "/topic/p.2", "/topic/meanwhile"].map((name) => `a ${name} back`),
  );
  expect(b.states.at(-1)).toBeNull();
  expect(b.backplane.counts.reconnects).toBe(2);
});

test("not there at the start, it is found later", async () => {
  await rabbitmq.kill();
  const [a, b] = [node("a"), node("b")];
  b.backplane.subscribe("/topic/x");
  await b.until(() => b.states.length > 0);
  await rabbitmq.start();
  await b.hears(a.backplane, "/topic/x");
  expect([b.gaps, b.backplane.counts.reconnects]).toEqual([0, 0]);
});

test("a connection that RabbitMQ closes is made again", async () => {
  const [a, b] = [node("a"), node("b")];
  b.backplane.subscribe("/topic/x");
  await b.hears(a.backplane, "/topic/x");
  await rabbitmq.control("close_all_connections", "an operator's wish");
  await b.until(() => b.gaps === 1);
  await a.until(() => a.states.length >= 3);
  await a.connected();
  await b.hears(a.backplane, "/topic/x");
});

test("paused, publishing neither waits nor fills the memory, and all heals", async () => {
  const [a, b] = [node("a"), node("b")];
  b.backplane.subscribe("/topic/x");
  await b.hears(a.backplane, "/topic/x");
  rabbitmq.pause();
  const payload = Buffer.alloc(64 * 1024);
  const before = process.memoryUsage.rss();
  for (let count = 0; count < 4_000; count += 1) {
    a.backplane.publish("/topic/x", payload);
    if (count % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  // The system keeps some megabytes of them.
  expect(a.backplane.counts.dropped).toBeGreaterThan(3_000);
  expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024);
  await a.until(() => !a.backplane.isConnected);
  expect(a.states.at(-1)).toBe("no heart-beat in time");
  rabbitmq.resume();
  await a.connected();
  await b.connected();
  await b.hears(a.backplane, "/topic/x");
});

test("what is of no node of this version is counted and dropped", async () => {
  const [a, b] = [node("a"), node("b")];
  b.backplane.subscribe("/topic/x");
  await b.hears(a.backplane, "/topic/x");
  const target = parseRabbitMqUrl(rabbitmq.url);
  if (target === null) throw new TypeError("no URL");
  const link = new StompLink({ target, heartbeatMs: 0, clock: systemClock, received() {} });
  await link.connect();
  const messages = b.messages.length;
  for (const mark of ["", "other 1 run a", "payload x run a", "text 1 run a", "payload 1 run"]) {
    await link.receipted("SEND", ["destination", "/topic/x", "parley-node", mark], "1");
  }
  await b.hears(a.backplane, "/topic/x");
  link.destroy();
  expect([b.backplane.counts.invalid, b.messages.length]).toEqual([5, messages]);
});

test("a password is needed and is told to nobody", async () => {
  await rabbitmq.control("add_user", "node", "s3cret-word");
  await rabbitmq.control("set_permissions", "node", "^parley", "^(parley|amq.topic)", ".*");
  const [wrong, right] = [
    node("b", rabbitmq.urlOf("node", "wr0ng-word")),
    node("a", rabbitmq.urlOf("node", "s3cret-word")),
  ];
  await right.connected();
  await wrong.until(() => wrong.states.length > 0);
  expect(wrong.states[0]).toContain("ccess");
  expect(JSON.stringify([wrong.states, right.states])).not.toContain("word");
});

test("what was listened to once is let go when there is much of it", async () => {
  const [a, b] = [node("a"), node("b")];
  for (let count = 0; count < 5_000; count += 1) b.backplane.subscribe(`/topic/past.${count}`);
  b.backplane.subscribe("/topic/x");
  await b.hears(a.backplane, "/topic/x");
  for (let count = 0; count < 5_000; count += 1) b.backplane.unsubscribe(`/topic/past.${count}`);
  await b.until(() => b.gaps === 1);
  await b.hears(a.backplane, "/topic/x");
  // RabbitMQ takes its time with what a connection leaves.
  const late = AbortSignal.timeout(20_000);
  while ((await rabbitmq.control("list_bindings", "routing_key")).includes("past.")) {
    if (late.aborted) throw new Error("it is still there");
  }
});

test("who is turned away at once comes back after pauses that grow, and are told once", async () => {
  const attempts = Promise.withResolvers<void>();
  let count = 0;
  using door = Bun.listen({
    ...{ hostname: "127.0.0.1", port: 0 },
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
  const url = `stomp://127.0.0.1:${door.port}`;
  const a = new BackplaneRecorder(backplane({ nodeId: "a", url, clock, random: () => 1 }));
  started.push(a);
  await attempts.promise;
  const [first = 0, ...later] = pausesMs;
  expect(first).toBeLessThanOrEqual(100);
  expect(later.slice(1).every((pauseMs) => pauseMs === 100)).toBe(true);
  expect(new Set(a.states).size).toBe(a.states.length);
});
