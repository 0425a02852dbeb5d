import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { RabbitMqBackplane } from "../../src/backplane/rabbitmq.ts";
import { systemClock } from "../../src/clock.ts";
import { BackplaneRecorder } from "../support/backplane-recorder.ts";
import { RabbitMqServer } from "../support/rabbitmq-server.ts";
import { TcpWay } from "../support/tcp-way.ts";

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

function node(nodeId: string, port = rabbitmq.port): BackplaneRecorder {
  const recorder = new BackplaneRecorder(
    new RabbitMqBackplane({
      ...{ nodeId, url: `stomp://127.0.0.1:${port}`, clock: systemClock, random: Math.random },
      ...{ heartbeatMs: 1_000, timeoutMs: 500, reconnectMs: 100, pendingBytes: 1024 * 1024 },
    }),
  );
  started.push(recorder);
  return recorder;
}

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

test("connections by which nothing is said are kept by heart-beats, from both sides", async () => {
  using way = await TcpWay.to(rabbitmq.port);
  const a = node("a", way.port);
  await a.connected();
  const before = way.pieces;
  expect(before).toHaveLength(2);
  // Two a second: either side would have given up the other one twice by then.
  const isKept = () => way.pieces.every((pieces, index) => pieces - (before[index] ?? 0) >= 8);
  const late = AbortSignal.timeout(20_000);
  while (!isKept() && !late.aborted) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(isKept()).toBe(true);
  expect([a.states, a.backplane.counts.reconnects]).toEqual([[null], 0]);
}, 30_000);

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
