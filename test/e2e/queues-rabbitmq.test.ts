import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { startNode } from "../support/nodes.ts";
import type { ParleyProcess } from "../support/parley-process.ts";
import { type Worker, worker } from "../support/queue-worker.ts";
import { RabbitMqClient } from "../support/rabbitmq-client.ts";
import { RabbitMqServer } from "../support/rabbitmq-server.ts";
import type { Via } from "../support/stock-client.ts";

let rabbitmq: RabbitMqServer;
let nodes: ParleyProcess[] = [];
let workers: Worker[] = [];

beforeAll(async () => {
  rabbitmq = await RabbitMqServer.start();
  const env = { PARLEY_LIMITS_MESSAGES_PER_SECOND: "0" };
  nodes = await Promise.all(["one", "two"].map((id) => startNode(rabbitmq.url, id, env)));
});

afterEach(async () => {
  for (const { client } of workers) await client.close();
  workers = [];
});

afterAll(async () => {
  for (const node of nodes) expect(await node.stop()).toBe(0);
  await rabbitmq[Symbol.asyncDispose]();
});

async function on(index: number, name: string, via: Via = "websocket"): Promise<Worker> {
  const node = nodes[index];
  if (node === undefined) throw new TypeError("no such node");
  const made = await worker(node, name, via);
  workers.push(made);
  return made;
}

/** Subscribes, and resolves with the RECEIPT. */
function consuming(each: Worker, queue: string, headers: Record<string, string> = {}) {
  return each.confirmed((receipt) => each.consume(queue, { ...headers, ...receipt }));
}

test("consumers on all nodes share a queue with RabbitMQ's own clients, each message once", async () => {
  const consumers = await Promise.all([
    on(0, "text"),
    on(1, "binary", "binary"),
    on(1, "sockjs", "sockjs"),
  ]);
  for (const each of consumers) {
    each.consume("/queue/shared", { "prefetch-count": "5" }, (message) => message.ack());
    await each.send("/queue/other", "the SUBSCRIBE has been handled");
  }
  using back = await RabbitMqClient.connect(rabbitmq);
  const producer = await on(0, "producer");
  const sent = Array.from({ length: 90 }, (_, index) => `Auftrag ${index} 👋`);
  await Promise.all(sent.slice(0, 60).map((body) => producer.send("/queue/shared", body)));
  for (const body of sent.slice(60)) await back.send("/queue/shared", body);
  const all = () => consumers.flatMap((each) => each.bodies());
  await rabbitmq.untilDepth("shared", "0 0");
  expect(all().toSorted()).toEqual(sent.toSorted());
  expect(consumers.every(({ got }) => got.length > 0)).toBe(true);
});

test("what clients send is in RabbitMQ's queue as it is, and the other way round", async () => {
  const anna = await on(0, "anna");
  using back = await RabbitMqClient.connect(rabbitmq);
  const headers = { "content-type": "text/plain", colour: "red:ish", "user-id": "x", CC: "y" };
  await anna.send("/queue/dir/jobs.ü", "Grüße", { ...headers, persistent: "true" });
  await back.subscribe("/queue/dir%2Fjobs.ü");
  const message = await back.message();
  expect(message.text()).toBe("Grüße");
  expect(message.header("colour")).toBe("red:ish");
  expect(message.header("persistent")).toBe("true");
  await back.say("UNSUBSCRIBE", { id: "/queue/dir%2Fjobs.ü" });
  const ben = await on(1, "ben");
  await consuming(ben, "/queue/dir/jobs.ü");
  await anna.send("/queue/dir/jobs.ü", "again", headers);
  await back.send("/queue/dir%2Fjobs.ü", "from outside", { "x-own": "a\\cb" });
  await ben.client.until(() => ben.got.length === 2);
  expect(ben.got[0]?.headers).toMatchObject({ ...headers, destination: "/queue/dir/jobs.ü" });
  expect(ben.got[1]?.headers).toMatchObject({ "x-own": "a:b" });
  expect(ben.bodies()).toEqual(["again", "from outside"]);
});

test("the RECEIPT of a SEND comes when RabbitMQ has the message", async () => {
  const anna = await on(0, "anna");
  await anna.send("/queue/slow", "1");
  rabbitmq.pause();
  const sent = anna.send("/queue/slow", "2", { persistent: "true" });
  let isConfirmed = false;
  const confirmed = sent.then(() => {
    isConfirmed = true;
  });
  await anna.send("/topic/meanwhile", "handled after it");
  expect(isConfirmed).toBe(false);
  rabbitmq.resume();
  await confirmed;
  await rabbitmq.untilDepth("slow", "2 0");
});

test("a client that vanishes gives its messages back, to a consumer on another node", async () => {
  const [one, two] = [await on(0, "one"), await on(1, "two")];
  await consuming(one, "/queue/lost");
  await one.send("/queue/lost", "job", { colour: "red" });
  await one.client.until(() => one.got.length === 1);
  expect(one.got[0]?.headers.redelivered).toBeUndefined();
  await consuming(two, "/queue/lost");
  one.stomp.forceDisconnect();
  await two.client.until(() => two.got.length === 1);
  expect(two.got[0]?.headers).toMatchObject({ redelivered: "true", colour: "red" });
  two.got[0]?.ack();
  await rabbitmq.untilDepth("lost", "0 0");
});

test("so does one that ends its subscription, and one that refuses", async () => {
  const [one, two] = [await on(0, "one"), await on(1, "two")];
  one.stomp.publish({ destination: "/queue/back", body: "1" });
  const subscription = one.stomp.subscribe(
    "/queue/back",
    (message) => {
      one.got.push(message);
      one.client.note();
    },
    { ack: "client" },
  );
  await one.client.until(() => one.got.length === 1);
  await consuming(two, "/queue/back");
  subscription.unsubscribe();
  await two.client.until(() => two.got.length === 1);
  two.got[0]?.nack();
  await two.client.until(() => two.got.length === 2);
  two.got[1]?.nack({ requeue: "false" });
  await rabbitmq.untilDepth("back", "0 0");
  expect(two.bodies()).toEqual(["1", "1"]);
});

test("no more is delivered than a consumer asks for before it acknowledges", async () => {
  const [one, producer] = [await on(0, "one"), await on(1, "producer")];
  for (const body of ["1", "2", "3", "4"]) await producer.send("/queue/few", body);
  await consuming(one, "/queue/few", { "prefetch-count": "2", ack: "client" });
  await one.client.until(() => one.got.length === 2);
  await rabbitmq.untilDepth("few", "2 2");
  // In `client` mode it stands for those before it; its RECEIPT says that RabbitMQ has it.
  await one.confirmed((receipt) => one.got[1]?.ack(receipt));
  await one.client.until(() => one.got.length === 4);
  expect(one.bodies()).toEqual(["1", "2", "3", "4"]);
  await rabbitmq.untilDepth("few", "0 2");
});

test("without acknowledgements a message is done when its bytes have left", async () => {
  const [one, producer] = [await on(0, "one"), await on(1, "producer")];
  await consuming(one, "/queue/auto", { ack: "auto", "prefetch-count": "1" });
  for (const body of ["1", "2", "3"]) await producer.send("/queue/auto", body);
  await one.client.until(() => one.got.length === 3);
  await rabbitmq.untilDepth("auto", "0 0");
});

test("a transaction takes effect when it is committed, wholly", async () => {
  const [one, two] = [await on(0, "one"), await on(1, "two")];
  await consuming(one, "/queue/tx");
  await one.send("/queue/tx", "job");
  await one.client.until(() => one.got.length === 1);
  for (const fate of ["abort", "commit"] as const) {
    const begun = one.stomp.begin();
    const transaction = { transaction: begun.id };
    for (const part of ["1", "2"]) {
      const body = `${fate} ${part}`;
      one.stomp.publish({ destination: "/queue/tx-done", body, headers: transaction });
    }
    one.got[0]?.ack(transaction);
    begun[fate]();
    await one.send("/topic/behind", "frames are handled in order");
    if (fate === "abort") await rabbitmq.untilDepth("tx", "0 1");
  }
  await rabbitmq.untilDepth("tx", "0 0");
  await consuming(two, "/queue/tx-done");
  await two.client.until(() => two.got.length === 2);
  expect(two.bodies()).toEqual(["commit 1", "commit 2"]);
});

test("a client that RabbitMQ refuses is told so, and nobody else is disturbed", async () => {
  const [one, two] = [await on(0, "one"), await on(0, "two")];
  await consuming(two, "/queue/fine");
  one.consume("/queue/amq.reserved");
  await one.client.until(() => one.client.errors.length === 1);
  expect(one.client.errors).toEqual(["QUEUE_REFUSED"]);
  using back = await RabbitMqClient.connect(rabbitmq);
  await back.subscribe("/queue/special", { "x-message-ttl": "60000" });
  const [three, four] = [await on(1, "three"), await on(0, "four")];
  three.consume("/queue/special");
  four.stomp.publish({ destination: "/queue/special", body: "1", headers: { receipt: "r" } });
  for (const each of [three, four]) {
    await each.client.until(() => each.client.errors.length === 1);
    expect(each.client.errors).toEqual(["QUEUE_REFUSED"]);
  }
  await two.send("/queue/fine", "still here");
  await two.client.until(() => two.got.length === 1);
  expect(nodes[1]?.log()).toContain("PRECONDITION_FAILED");
});

test("a client that leaves in an orderly way leaves nothing on the way", async () => {
  const one = await on(0, "one");
  for (let count = 0; count < 100; count += 1) {
    one.stomp.publish({ destination: "/queue/leaving", body: `${count}` });
  }
  await one.client.close();
  await rabbitmq.untilDepth("leaving", "100 0");
});

test("what a client sent before its connection broke is sent on", async () => {
  const one = await on(0, "one");
  for (let count = 0; count < 10; count += 1) {
    one.stomp.publish({ destination: "/queue/broken", body: `${count}` });
  }
  one.stomp.forceDisconnect();
  await rabbitmq.untilDepth("broken", "10 0");
});

test("RabbitMQ killed, SENDs say so; back, it has what was confirmed, and consumers get it", async () => {
  const [one, two] = [await on(0, "one"), await on(1, "two")];
  const errors = "/user/queue/errors";
  await one.client.subscribed(errors);
  await consuming(two, "/queue/kept");
  await one.send("/queue/kept", "1", { persistent: "true" });
  await two.client.until(() => two.got.length === 1);
  await rabbitmq.kill();
  const refused = async (body: string) => {
    one.stomp.publish({ destination: "/queue/kept", body, headers: { receipt: `r-${body}` } });
    const error = await one.client.event(errors, ({ receiptId }) => receiptId === `r-${body}`);
    expect(error).toMatchObject({ code: "BROKER_UNAVAILABLE" });
  };
  await refused("first");
  await refused("second");
  await consuming(one, "/queue/later");
  await rabbitmq.start();
  // What had not been acknowledged comes again.
  await two.client.until(() => two.got.length === 2);
  expect(two.bodies()).toEqual(["1", "1"]);
  expect(two.got[1]?.headers.redelivered).toBe("true");
  two.got[1]?.ack();
  await rabbitmq.untilDepth("kept", "0 0");
  await two.send("/queue/later", "restored");
  await one.client.until(() => one.got.length === 1);
  expect([one.client.connects, two.client.connects]).toEqual([1, 1]);
});
