import { afterAll, beforeAll, expect, test } from "bun:test";
import { healthOf, Installation, type Listener, untilBackplane } from "../support/nodes.ts";
import { RabbitMqClient } from "../support/rabbitmq-client.ts";
import { RabbitMqServer } from "../support/rabbitmq-server.ts";
import { scrape } from "../support/scrape.ts";

let rabbitmq: RabbitMqServer;
let nodes: Installation;

beforeAll(async () => {
  rabbitmq = await RabbitMqServer.start();
  const env = { PARLEY_METRICS_OPEN: "true", PARLEY_LIMITS_MESSAGES_PER_SECOND: "0" };
  nodes = await Installation.start(rabbitmq.url, ["one", "two"], env);
});

afterAll(async () => {
  await nodes[Symbol.asyncDispose]();
  await rabbitmq[Symbol.asyncDispose]();
});

const node = (index: number) => nodes.node(index);

async function reconnects(index: number): Promise<number | undefined> {
  return (await scrape(node(index))).get("parley_backplane_reconnects_total");
}

test("messages of a topic reach the other node, the same, in order and once", async () => {
  const anna = await nodes.connect(0, "anna");
  const here = await nodes.listener(0, "here");
  const there = await Promise.all([
    nodes.listener(1, "text"),
    nodes.listener(1, "binary", "binary"),
    nodes.listener(1, "sockjs", "sockjs"),
  ]);
  const listeners = [here, ...there];
  for (const each of listeners) await each.listen("/topic/order", anna);
  await there[0]?.listen("/topic/wild.*", anna, "/topic/wild.order");
  for (let count = 0; count < 300; count += 1) {
    anna.stomp.publish({ destination: "/topic/order", body: `${count}` });
  }
  for (const each of listeners) {
    const heard = await each.count(300);
    expect(heard.map(({ body }) => body)).toEqual(
      Array.from({ length: 300 }, (_, count) => `${count}`),
    );
    expect(heard.map(({ headers }) => headers["message-id"])).toEqual(
      here.heard.map(({ headers }) => headers["message-id"] ?? ""),
    );
  }
});

test("bodies of bytes and headers of one's own cross as they are, also those that RabbitMQ reads", async () => {
  const anna = await nodes.connect(0, "anna-bytes");
  const here = await nodes.listener(0, "here-bytes", "binary");
  const there = await nodes.listener(1, "there-bytes", "binary");
  for (const each of [here, there]) await each.listen("/topic/bytes/Grüße.x", anna);
  const binaryBody = Uint8Array.from({ length: 70_000 }, (_, index) => index % 256);
  const headers = {
    ...{ "content-type": "application/octet-stream", "x-own": "a:b\nc\\d\r ü", persistent: "true" },
    ...{ "user-id": "somebody", CC: "x", BCC: "y", priority: "high", timestamp: "now" },
    ...{ expiration: "soon", expires: "5", "x-message-ttl": "abc", "reply-to": "/temp-queue/x" },
    ...{
      "correlation-id": "c".repeat(300),
      [`x-${"n".repeat(300)}`]: "long",
      "delivery-mode": "9",
    },
    ...{ "amqp-message-id": "mine", "parley-node": "text 1 run one", "parley-headers": "[]" },
    ...{ id: "7", "heart-beat": "0,0", type: "note", "app-id": "shop" },
  };
  anna.stomp.publish({ destination: "/topic/bytes/Grüße.x", binaryBody, headers });
  for (const each of [here, there]) {
    const [message] = await each.count(1);
    expect(message?.bytes).toEqual(binaryBody);
    expect(message?.headers).toMatchObject({ ...headers, "content-length": "70000" });
  }
  const strip = ({ headers: { subscription: _, ...rest } = {} }: Partial<Listener["heard"][0]>) =>
    rest;
  expect(strip(there.heard[0] ?? {})).toEqual(strip(here.heard[0] ?? {}));
  expect([await reconnects(0), await reconnects(1)]).toEqual([0, 0]);
});

test("what another client of RabbitMQ says on a topic is heard on all nodes, once for each subscription", async () => {
  const anna = await nodes.connect(0, "anna-foreign");
  const [one, other] = [await nodes.listener(0, "one"), await nodes.listener(1, "other")];
  await one.listen("/topic/shop.orders", anna);
  await one.listen("/topic/shop.*", anna, "/topic/shop.orders");
  await other.listen("/topic/shop.#", anna, "/topic/shop.orders");
  await other.listen("/topic/a/b.ü", anna);
  using back = await RabbitMqClient.connect(rabbitmq);
  const headers = { "content-type": "application/json", "x-own": "a\\cb", persistent: "true" };
  await back.send("/topic/shop.orders", '{"order":1}', headers);
  await back.send("/topic/shop.orders", "second", { "amqp-message-id": "second" });
  await back.send("/exchange/amq.topic/a%2Fb.ü", "path");
  const [first, again] = await one.count(4);
  expect(one.heard.map(({ body }) => body).toSorted()).toEqual([
    ...["second", "second", '{"order":1}', '{"order":1}'],
  ]);
  expect(first).toMatchObject({ destination: "/topic/shop.orders", body: '{"order":1}' });
  expect(first?.headers).toMatchObject({ "content-type": "application/json", "x-own": "a:b" });
  expect(again?.headers["message-id"]).toBe(first?.headers["message-id"] ?? "");
  await other.count(3);
  expect(other.heard.map(({ destination, body }) => [destination, body])).toEqual([
    ["/topic/shop.orders", '{"order":1}'],
    ["/topic/shop.orders", "second"],
    ["/topic/a/b.ü", "path"],
  ]);
  expect(other.heard[1]?.headers).toMatchObject({ "amqp-message-id": "second" });
});

test("what clients say on a topic reaches RabbitMQ's own, body and headers as they are", async () => {
  const anna = await nodes.connect(0, "anna-native");
  using back = await RabbitMqClient.connect(rabbitmq);
  await back.subscribe("/topic/native.*");
  const headers = { "content-type": "text/plain", colour: "red:ish", "correlation-id": "c-1" };
  anna.stomp.publish({ destination: "/topic/native.text", body: "Grüße 👋", headers });
  const text = await back.message();
  expect(text.text()).toBe("Grüße 👋");
  expect(text.header("destination")).toBe("/topic/native.text");
  for (const [name, value] of Object.entries(headers)) expect(text.header(name)).toBe(value);
  const binaryBody = Uint8Array.of(0, 1, 255, 0);
  anna.stomp.publish({ destination: "/topic/native.bytes", binaryBody });
  expect(Buffer.from((await back.message()).body)).toEqual(Buffer.from(binaryBody));
});

test("topics that RabbitMQ cannot name are carried between nodes all the same", async () => {
  const anna = await nodes.connect(0, "anna-names");
  const there = await nodes.listener(1, "there-names");
  const names = [
    `/topic/${"long".repeat(100)}`,
    "/topic/a%2Fb",
    "/topic/$parley.x",
    "/topic/50%25",
  ];
  for (const name of names) await there.listen(name, anna);
  for (const name of names) anna.stomp.publish({ destination: name, body: name });
  await there.count(names.length);
  expect(there.heard.map(({ destination }) => destination)).toEqual(names);
});

test("RabbitMQ killed, each node goes on; back, it carries all again", async () => {
  const anna = await nodes.connect(0, "anna-killed");
  const [here, there] = [await nodes.listener(0, "h-killed"), await nodes.listener(1, "t-killed")];
  await here.listen("/topic/killed", anna);
  await there.listen("/topic/killed", anna);
  await there.listen("/topic/killed.*", anna, "/topic/killed.probe");
  await rabbitmq.kill();
  await untilBackplane(node(0), "DISCONNECTED");
  expect(await healthOf(node(0))).toMatchObject({ status: "DEGRADED" });
  anna.stomp.publish({ destination: "/topic/killed", body: "alone" });
  await here.count(1);
  await rabbitmq.start();
  await there.listen("/topic/killed", anna);
  await there.listen("/topic/killed.*", anna, "/topic/killed.again");
  expect(there.heard).toEqual([]);
  expect(node(1).log()).toContain("may be missing");
  for (const client of [anna, here.client, there.client]) expect(client.connects).toBe(1);
});
