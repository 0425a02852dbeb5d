import { afterAll, beforeAll, expect, test } from "bun:test";
import type { IMessage } from "@stomp/stompjs";
import { startNode } from "../support/nodes.ts";
import type { ParleyProcess } from "../support/parley-process.ts";
import { PostgresServer } from "../support/postgres-server.ts";
import { RedisServer } from "../support/redis-server.ts";
import { connectStock, type StockClient } from "../support/stock-client.ts";

let postgres: PostgresServer;
let redis: RedisServer;

beforeAll(async () => {
  [postgres, redis] = await Promise.all([PostgresServer.start(), RedisServer.start()]);
});

afterAll(async () => {
  await Promise.all([postgres[Symbol.asyncDispose](), redis[Symbol.asyncDispose]()]);
});

/** A node of the one installation of this file. */
function start(nodeId: string): Promise<ParleyProcess> {
  return startNode(redis.url, nodeId, {
    ...{ PARLEY_DATABASE_URL: postgres.url("postgres"), PARLEY_QUEUE_LEASE_MS: "1000" },
    ...{ PARLEY_LIMITS_MESSAGES_PER_SECOND: "0" },
  });
}

function connect(server: ParleyProcess, name: string): Promise<StockClient> {
  return connectStock(server, name, { config: { reconnectDelay: 0 } });
}

/** Sends, and resolves with the RECEIPT. */
function send(client: StockClient, queue: string, body: string): Promise<void> {
  return new Promise((resolve) => {
    const receipt = `sent ${queue} ${body}`;
    client.stomp.watchForReceipt(receipt, () => resolve());
    client.stomp.publish({ destination: queue, body, headers: { receipt } });
  });
}

/** What consumers on any node got, and whoever waits for it. */
class Work {
  readonly got: { readonly client: StockClient; readonly message: IMessage }[] = [];

  constructor(readonly watcher: StockClient) {}

  consume(client: StockClient, queue: string, onMessage: (message: IMessage) => void): void {
    client.stomp.subscribe(
      queue,
      (message) => {
        this.got.push({ client, message });
        onMessage(message);
        this.watcher.note();
      },
      { ack: "client-individual", "prefetch-count": "10" },
    );
  }

  bodies(client?: StockClient): string[] {
    return this.got
      .filter((each) => client === undefined || each.client === client)
      .map(({ message }) => message.body);
  }

  async until(isReached: () => boolean, what: string): Promise<void> {
    await this.watcher.until(isReached, what);
  }
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => `${index}`);

test("consumers on two nodes share a queue, and no message goes to both", async () => {
  const nodes = await Promise.all(["one", "two"].map((id) => start(id)));
  const [one, two] = await Promise.all(nodes.map((node, at) => connect(node, `user-${at}`)));
  if (one === undefined || two === undefined) throw new TypeError("a client is missing");
  const work = new Work(one);
  for (const client of [one, two]) work.consume(client, "/queue/jobs", (message) => message.ack());
  const sent = numbers(400);
  await Promise.all(sent.map((body, at) => send(at % 2 === 0 ? one : two, "/queue/jobs", body)));
  await work.until(() => work.got.length >= sent.length, "all messages");
  expect(work.bodies().toSorted()).toEqual(sent.toSorted());
  for (const client of [one, two]) expect(work.bodies(client).length).toBeGreaterThan(0);
  // One that only one node's clients send reaches the other's, and what waited before they came.
  await send(one, "/queue/later", "before");
  work.consume(two, "/queue/later", (message) => message.ack());
  await work.until(() => work.bodies(two).includes("before"), "what waited");
  await send(one, "/queue/later", "after");
  await work.until(() => work.bodies(two).includes("after"), "what was sent elsewhere");
  for (const client of [one, two]) await client.close();
  for (const node of nodes) expect(await node.stop()).toBe(0);
});

test("a node that is killed in mid-work loses nothing, and what was acknowledged stays so", async () => {
  const [victim, survivor] = await Promise.all(["victim", "survivor"].map((id) => start(id)));
  if (victim === undefined || survivor === undefined) throw new TypeError("a node is missing");
  const [producer, worker, doomed] = await Promise.all([
    ...[connect(survivor, "producer"), connect(survivor, "worker"), connect(victim, "doomed")],
  ]);
  if (producer === undefined || worker === undefined || doomed === undefined) {
    throw new TypeError("a client is missing");
  }
  const work = new Work(producer);
  const finished = new Map<string, number>();
  const again: string[] = [];
  for (const client of [worker, doomed]) {
    work.consume(client, "/queue/mid-work", (message) => {
      const { body } = message;
      if (finished.has(body)) again.push(body);
      // The doomed one keeps every third for itself.
      if (client === doomed && Number(body) % 3 === 0) return;
      const receipt = `${client.userId} ${body}`;
      client.stomp.watchForReceipt(receipt, () => {
        finished.set(body, (finished.get(body) ?? 0) + 1);
        producer.note();
      });
      message.ack({ receipt });
    });
  }
  const sent = numbers(600);
  const confirmed = sent.map((body) => send(producer, "/queue/mid-work", body));
  await work.until(() => work.bodies(doomed).length >= 20, "work on the node that dies");
  await victim.kill();
  await Promise.all(confirmed);
  await work.until(() => finished.size === sent.length, "the end of all work");
  expect(again).toEqual([]);
  expect([...finished.values()].filter((times) => times !== 1)).toEqual([]);
  const redelivered = work.got.filter(({ message }) => message.headers.redelivered === "true");
  expect(redelivered.length).toBeGreaterThan(0);
  for (const client of [producer, worker, doomed]) await client.close();
  expect(await survivor.stop()).toBe(0);
});

test("a node that was stopped for longer than its lease acknowledges nothing any more", async () => {
  const [stopped, other] = await Promise.all(["stopped", "other"].map((id) => start(id)));
  if (stopped === undefined || other === undefined) throw new TypeError("a node is missing");
  const [slow, quick] = await Promise.all([connect(stopped, "slow"), connect(other, "quick")]);
  const work = new Work(quick);
  work.consume(slow, "/queue/slow", () => {});
  await send(quick, "/queue/slow", "job");
  await work.until(() => work.bodies(slow).length === 1, "the message");
  process.kill(stopped.pid, "SIGSTOP");
  work.consume(quick, "/queue/slow", () => {});
  await work.until(() => work.bodies(quick).length === 1, "the message elsewhere");
  let isConfirmed = false;
  slow.stomp.watchForReceipt("late", () => {
    isConfirmed = true;
  });
  work.got[0]?.message.ack({ receipt: "late" });
  process.kill(stopped.pid, "SIGCONT");
  await slow.until(() => slow.errors.length + slow.closes.length > 0, "the refusal");
  expect(isConfirmed).toBe(false);
  const acknowledged = new Promise<void>((resolve) => {
    quick.stomp.watchForReceipt("in time", () => resolve());
  });
  work.got[1]?.message.ack({ receipt: "in time" });
  await acknowledged;
  expect(work.got[1]?.message.headers.redelivered).toBe("true");
  for (const client of [slow, quick]) await client.close();
  for (const node of [stopped, other]) expect(await node.stop()).toBe(0);
});

test("messages reach other nodes while Redis is away, only later", async () => {
  const nodes = await Promise.all(["one", "two"].map((id) => start(id)));
  const [one, two] = await Promise.all(nodes.map((node, at) => connect(node, `user-${at}`)));
  if (one === undefined || two === undefined) throw new TypeError("a client is missing");
  const work = new Work(two);
  work.consume(two, "/queue/alone", (message) => message.ack());
  await send(one, "/queue/alone", "together");
  await work.until(() => work.got.length === 1, "the message");
  await redis.kill();
  await send(one, "/queue/alone", "apart");
  await work.until(() => work.got.length === 2, "the message without Redis");
  expect(work.bodies()).toEqual(["together", "apart"]);
  for (const client of [one, two]) await client.close();
  for (const node of nodes) expect(await node.stop()).toBe(0);
});
