import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { startNode } from "../support/nodes.ts";
import type { ParleyProcess } from "../support/parley-process.ts";
import { type Worker, worker } from "../support/queue-worker.ts";
import { RabbitMqServer } from "../support/rabbitmq-server.ts";
import { scrape } from "../support/scrape.ts";

let rabbitmq: RabbitMqServer;
let nodes: ParleyProcess[] = [];
let workers: Worker[] = [];

beforeAll(async () => {
  rabbitmq = await RabbitMqServer.start();
});

afterEach(async () => {
  rabbitmq.resume();
  for (const { client } of workers) await client.close();
  for (const node of nodes) expect(await node.stop()).toBe(0);
  [nodes, workers] = [[], []];
});

afterAll(() => rabbitmq[Symbol.asyncDispose]());

async function start(
  nodeId: string,
  env: Readonly<Record<string, string>> = {},
): Promise<ParleyProcess> {
  const node = await startNode(rabbitmq.url, nodeId, env);
  nodes.push(node);
  return node;
}

async function on(node: ParleyProcess, name: string): Promise<Worker> {
  const made = await worker(node, name);
  workers.push(made);
  return made;
}

/** A consumer that had the message, and has it again since RabbitMQ closed the connection. */
async function withLateMessage(queue: string, node: ParleyProcess, body = "job") {
  const one = await on(node, `worker-of-${queue.slice(7)}`);
  await one.confirmed((receipt) => one.consume(queue, receipt));
  await one.send(queue, body, { persistent: "true" });
  await one.client.until(() => one.got.length === 1);
  await rabbitmq.control("close_all_connections", "an operator's wish");
  await one.client.until(() => one.got.length === 2);
  const [late, again] = one.got;
  if (late === undefined || again === undefined) throw new TypeError("no messages");
  expect(again.headers.redelivered).toBe("true");
  return { one, late, again };
}

test("what came by a lost connection is acknowledged in vain, and comes again once", async () => {
  const node = await start("one");
  const { one, late, again } = await withLateMessage("/queue/late", node);
  late.ack();
  await one.send("/queue/behind", "frames are handled in order");
  expect(await rabbitmq.depth("late")).toBe("0 1");
  await one.confirmed((receipt) => again.ack(receipt));
  await rabbitmq.untilDepth("late", "0 0");
  expect(one.bodies()).toEqual(["job", "job"]);
  expect([one.client.connects, one.client.errors]).toEqual([1, []]);
});

test("refused too late it is not lost either", async () => {
  const node = await start("one");
  const { one, late, again } = await withLateMessage("/queue/refused", node);
  late.nack({ requeue: "false" });
  again.nack({ requeue: "true" });
  await one.client.until(() => one.got.length === 3);
  one.got[2]?.ack();
  await rabbitmq.untilDepth("refused", "0 0");
});

test("a late acknowledgement that wants a receipt is refused, and the message goes to others", async () => {
  const node = await start("one");
  const { one, late } = await withLateMessage("/queue/receipt", node);
  late.ack({ receipt: "late" });
  await one.client.until(() => one.client.errors.length === 1);
  expect(one.client.errors).toEqual(["UNKNOWN_ACK"]);
  expect(one.receipts.has("late")).toBe(false);
  const two = await on(node, "two");
  two.consume("/queue/receipt", {}, (message) => message.ack());
  await two.client.until(() => two.got.length === 1);
  await rabbitmq.untilDepth("receipt", "0 0");
});

test("a transaction with a late acknowledgement does nothing", async () => {
  const node = await start("one");
  const { one, late } = await withLateMessage("/queue/tx-late", node);
  const { id, commit } = one.stomp.begin();
  one.stomp.publish({
    ...{ destination: "/queue/tx-done", body: "result", headers: { transaction: id } },
  });
  late.ack({ transaction: id });
  commit();
  await one.client.until(() => one.client.errors.length === 1);
  expect(one.client.errors).toEqual(["UNKNOWN_ACK"]);
  await rabbitmq.untilDepth("tx-late", "1 0");
  expect(await rabbitmq.depth("tx-done")).toBe("none");
});

test("a RabbitMQ that answers nothing is lost after its heart-beats, and consumers have their messages again", async () => {
  const node = await start("one");
  const one = await on(node, "one");
  const errors = "/user/queue/errors";
  await one.client.subscribed(errors);
  await one.confirmed((receipt) =>
    one.consume("/queue/silent", receipt, (message) => {
      if (message.headers.redelivered === "true" || message.body === "2") message.ack();
    }),
  );
  await one.send("/queue/silent", "1", { persistent: "true" });
  await one.client.until(() => one.got.length === 1);
  rabbitmq.pause();
  one.stomp.publish({ destination: "/queue/silent", body: "2", headers: { receipt: "r" } });
  expect(await one.client.event(errors, ({ receiptId }) => receiptId === "r")).toMatchObject({
    code: "BROKER_UNAVAILABLE",
  });
  rabbitmq.resume();
  await one.client.until(() => one.got.some(({ headers }) => headers.redelivered === "true"));
  await rabbitmq.untilDepth("silent", "0 0");
  expect([one.client.connects, one.client.errors]).toEqual([1, []]);
}, 60_000);

test("a node that is stopped sends on what it took, gives back what was not acknowledged, and lets go of RabbitMQ", async () => {
  const node = await start("one");
  const [one, producer] = [await on(node, "one"), await on(node, "producer")];
  for (const body of ["1", "2", "3", "4"]) {
    await producer.send("/queue/stopped", body, { persistent: "true" });
  }
  await one.confirmed((receipt) =>
    one.consume("/queue/stopped", { "prefetch-count": "3", ...receipt }),
  );
  await one.client.until(() => one.got.length === 3);
  await one.confirmed((receipt) => one.got[0]?.ack(receipt));
  await one.client.until(() => one.got.length === 4);
  await producer.client.subscribed("/topic/behind");
  for (let count = 0; count < 50; count += 1) {
    producer.stomp.publish({ destination: "/queue/last", body: `${count}` });
  }
  // Frames are handled in order.
  producer.client.send("/topic/behind", {});
  await producer.client.until(() => producer.client.got("/topic/behind").length === 1);
  nodes = [];
  expect(await node.stop()).toBe(0);
  await rabbitmq.untilDepth("stopped", "3 0");
  await rabbitmq.untilDepth("last", "50 0");
  expect(await rabbitmq.control("list_connections", "pid")).toBe("");
  const after = await on(await start("two"), "two");
  after.consume("/queue/stopped", {}, (message) => message.ack());
  await after.client.until(() => after.got.length === 3);
  expect(after.bodies().toSorted()).toEqual(["2", "3", "4"]);
  expect(after.got.every(({ headers }) => headers.redelivered === "true")).toBe(true);
  await rabbitmq.untilDepth("stopped", "0 0");
});

test("of RabbitMQ's queues a node measures what its own consumers have, and nothing that it does not know", async () => {
  const node = await start("one", {
    PARLEY_METRICS_OPEN: "true",
    PARLEY_METRICS_QUEUES: "/queue/named",
  });
  const [one, two] = [await on(node, "one"), await on(node, "two")];
  const measured = async () => {
    const values = await scrape(node);
    return Object.fromEntries(
      [...values].filter(([name]) => /^parley_(?:named_)?queue/.test(name)).toSorted(),
    );
  };
  const none = {
    parley_queue_bytes: 0,
    parley_queue_consumers: 0,
    'parley_queue_messages{state="unacknowledged"}': 0,
    'parley_named_queue_messages{queue="/queue/named",state="unacknowledged"}': 0,
  };
  expect(await measured()).toEqual(none);
  for (const [queue, count] of [
    ["/queue/named", 3],
    ["/queue/unnamed", 2],
  ] as const) {
    for (let sent = 0; sent < count; sent += 1) await two.send(queue, "job");
    await one.confirmed((receipt) => one.consume(queue, { "prefetch-count": "2", ...receipt }));
  }
  await one.client.until(() => one.got.length === 4);
  const { parley_queue_bytes: bytes, ...busy } = await measured();
  expect(bytes).toBeGreaterThan(4 * "job".length);
  expect(busy).toEqual({
    parley_queue_consumers: 2,
    'parley_queue_messages{state="unacknowledged"}': 4,
    'parley_named_queue_messages{queue="/queue/named",state="unacknowledged"}': 2,
  });
  for (const message of one.got) message.ack();
  await one.client.until(() => one.got.length === 5);
  await one.confirmed((receipt) => one.got[4]?.ack(receipt));
  expect(await measured()).toEqual({ ...none, parley_queue_consumers: 2 });
});
