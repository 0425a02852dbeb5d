import { afterEach, beforeEach, expect, test } from "bun:test";
import { startNode } from "../support/nodes.ts";
import { BINARY, type ParleyProcess, temporaryDir } from "../support/parley-process.ts";
import { expectAllKept, PersistentSender } from "../support/persistent-sender.ts";
import { PostgresServer } from "../support/postgres-server.ts";
import { worker } from "../support/queue-worker.ts";
import { RedisServer } from "../support/redis-server.ts";
import { scrape } from "../support/scrape.ts";

const QUEUE = "/queue/jobs";

let primary: PostgresServer;
let standby: PostgresServer;
let redis: RedisServer;

beforeEach(async () => {
  [primary, redis] = await Promise.all([PostgresServer.start(), RedisServer.start()]);
  standby = await primary.standby();
}, 30_000);
afterEach(async () => {
  await Promise.all([primary, standby, redis].map((server) => server[Symbol.asyncDispose]()));
}, 30_000);

function start(nodeId: string): Promise<ParleyProcess> {
  return startNode(redis.url, nodeId, {
    PARLEY_DATABASE_URL: primary.urlWith(standby, "postgres", "&target_session_attrs=read-write"),
    ...{ PARLEY_LIMITS_MESSAGES_PER_SECOND: "0", PARLEY_METRICS_OPEN: "true" },
  });
}

async function logged(node: ParleyProcess, text: string): Promise<void> {
  while (!node.log().includes(text)) await new Promise((resolve) => setImmediate(resolve));
}

test("the primary killed and the standby promoted, two nodes go on, and all that was confirmed is there", async () => {
  const nodes = await Promise.all([start("one"), start("two")]);
  const senders = nodes.map((node, at) => {
    return new PersistentSender({ brokerURL: node.wsUrl }, `sender-${at}`, "reader");
  });
  const workers = await Promise.all(nodes.map((node, at) => worker(node, `worker-${at}`)));
  const [producer, consumer] = workers;
  if (producer === undefined || consumer === undefined) throw new TypeError("a worker is missing");
  const jobs = Array.from({ length: 20 }, (_, index) => `${index}`);
  await Promise.all(jobs.map((job) => producer.send(QUEUE, job)));
  // They are in its hands when the database goes.
  consumer.consume(QUEUE, { "prefetch-count": "5" });
  await consumer.client.until(() => consumer.got.length === 5, "the first jobs");
  await Promise.all(senders.map((sender) => sender.more(50)));

  primary.kill();
  for (const node of nodes) await logged(node, "The node's session is lost");
  await standby.promote();
  await Promise.all(senders.map((sender) => sender.more(50)));
  await Promise.all(senders.map((sender) => sender.finish()));

  await expectAllKept(senders, nodes);
  // What the consumer has is its own still.
  for (let at = 0; at < jobs.length; at += 1) {
    await consumer.client.until(() => consumer.got.length > at, `job ${at}`);
    await consumer.confirmed((receipt) => consumer.got[at]?.ack(receipt));
  }
  expect(consumer.bodies()).toEqual(jobs);
  // Senders are confirmed over other connections, which may be there before it.
  for (const node of nodes) await logged(node, "The node's session is there again");
  const leading = async () => {
    const leads = nodes.map(async (node) => (await scrape(node)).get("parley_leader"));
    return (await Promise.all(leads)).toSorted();
  };
  while ((await leading())[1] === 0);
  expect(await leading()).toEqual([0, 1]);
  for (const node of nodes) {
    expect(node.log()).not.toContain("secret%20word");
    expect(node.log()).not.toContain("secret word");
  }
  for (const { client } of [...senders, ...workers]) await client.close();
  for (const node of nodes) expect(await node.stop()).toBe(0);
}, 90_000);

test("a server does not start where no host takes writes, and says of each why", async () => {
  const url = primary.urlWith(standby);
  primary.kill();
  const { exitCode, stderr } = Bun.spawnSync([BINARY, "serve", "--port", "0"], {
    ...{ env: { PARLEY_DATABASE_URL: url }, cwd: temporaryDir(), timeout: 20_000 },
  });
  expect(exitCode).toBe(1);
  const said = stderr.toString();
  expect(said).toMatch(
    /^parley: the database postgres:\/\/parley@localhost:5432\/postgres cannot be opened, since no server of it takes writes \([^\n]+: Failed to connect [^\n]+; [^\n]+: takes no writes, as it follows another server\): promote one, or name the one that does\n$/,
  );
  expect(said).not.toContain("secret");
}, 30_000);
