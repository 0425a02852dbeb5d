import { afterAll, beforeAll, expect, test } from "bun:test";
import { healthOf, Installation, type Listener } from "../support/nodes.ts";
import { RedisServer } from "../support/redis-server.ts";
import { scrape } from "../support/scrape.ts";
import { API_KEY } from "../support/tokens.ts";

let redis: RedisServer;
let nodes: Installation;

beforeAll(async () => {
  redis = await RedisServer.start();
  const env = { PARLEY_API_KEYS: API_KEY, PARLEY_LIMITS_MESSAGES_PER_SECOND: "0" };
  nodes = await Installation.start(redis.url, ["one", "two", "three"], env);
});

afterAll(async () => {
  await nodes[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

const node = (index: number) => nodes.node(index);

test("messages of a topic reach all nodes, in order and once", async () => {
  const anna = await nodes.connect(0, "anna");
  const listeners = await Promise.all([
    ...[0, 1, 2].map((index) => nodes.listener(index, `text-${index}`)),
    nodes.listener(1, "binary", "binary"),
    nodes.listener(2, "sockjs", "sockjs"),
  ]);
  for (const each of listeners) await each.listen("/topic/order", anna);
  for (let count = 0; count < 500; count += 1) {
    anna.stomp.publish({ destination: "/topic/order", body: `${count}` });
  }
  await anna.sent("/topic/other", {});
  for (const each of listeners) {
    const heard = await each.count(500);
    expect(heard.map(({ body }) => body)).toEqual(
      Array.from({ length: 500 }, (_, count) => `${count}`),
    );
  }
  const ids = listeners.map(({ heard }) => heard.map(({ headers }) => headers["message-id"]));
  for (const some of ids) expect(some).toEqual(ids[0] ?? []);
  expect(new Set(ids[0]).size).toBe(500);
});

test("bodies of bytes and headers of one's own cross as they are", async () => {
  const anna = await nodes.connect(0, "anna-bytes");
  const here = await nodes.listener(0, "here", "binary");
  const there = await nodes.listener(1, "there", "binary");
  for (const each of [here, there]) await each.listen("/topic/bytes.Grüße", anna);
  const binaryBody = Uint8Array.from({ length: 70_000 }, (_, index) => index % 256);
  const headers = {
    "content-type": "application/octet-stream",
    "x-own": "a:b\nc\\d ü",
    persistent: "true",
  };
  anna.stomp.publish({ destination: "/topic/bytes.Grüße", binaryBody, headers });
  for (const each of [here, there]) {
    const [message] = await each.count(1);
    expect(message?.bytes).toEqual(binaryBody);
    expect(message?.headers).toMatchObject({ ...headers, "content-length": "70000" });
  }
  const strip = ({ headers: { subscription: _, ...rest } = {} }: Partial<Listener["heard"][0]>) =>
    rest;
  expect(strip(there.heard[0] ?? {})).toEqual(strip(here.heard[0] ?? {}));
});

test("wildcards hear other nodes, under the topic's own name, once for each subscription", async () => {
  const anna = await nodes.connect(0, "anna-wild");
  const [one, other] = [await nodes.listener(1, "wild"), await nodes.listener(1, "wilder")];
  await one.listen("/topic/wild.*", anna, "/topic/wild.probe");
  await one.listen("/topic/wild.#", anna, "/topic/wild.probe");
  await one.listen("/topic/wild.eu", anna);
  await other.listen("/topic/**", anna, "/topic/wild.probe");
  for (const name of ["eu", "eu.1", "us"]) await anna.sent(`/topic/wild.${name}`, { name });
  await anna.sent("/topic/wildest", {});
  await other.client.until(() =>
    other.heard.some(({ destination }) => destination === "/topic/wildest"),
  );
  await one.count(6);
  const heard = (who: Listener) => who.heard.map(({ destination }) => destination);
  expect(heard(one).toSorted()).toEqual([
    ...["/topic/wild.eu", "/topic/wild.eu", "/topic/wild.eu"],
    ...["/topic/wild.eu.1", "/topic/wild.us", "/topic/wild.us"],
  ]);
  expect(heard(other).filter((name) => name.startsWith("/topic/wild"))).toEqual([
    "/topic/wild.eu",
    "/topic/wild.eu.1",
    "/topic/wild.us",
    "/topic/wildest",
  ]);
});

test("a transaction crosses when it is committed; what it aborts does not", async () => {
  const anna = await nodes.connect(0, "anna-tx");
  const there = await nodes.listener(2, "there-tx");
  await there.listen("/topic/tx", anna);
  for (const fate of ["abort", "commit"] as const) {
    const transaction = anna.stomp.begin();
    for (const part of [1, 2]) {
      const headers = { transaction: transaction.id };
      anna.stomp.publish({ destination: "/topic/tx", body: `${fate} ${part}`, headers });
    }
    transaction[fate]();
  }
  const heard = await there.count(2);
  expect(heard.map(({ body }) => body)).toEqual(["commit 1", "commit 2"]);
});

test("what a back end says on a topic over HTTP is heard on all nodes", async () => {
  const anna = await nodes.connect(0, "anna-http");
  const there = await nodes.listener(1, "there-http");
  await there.listen("/topic/http", anna);
  const response = await fetch(`${node(0).url}/api/publish`, {
    method: "POST",
    headers: { "x-api-key": API_KEY, "content-type": "application/json" },
    body: JSON.stringify({ topic: "/topic/http", body: "Grüße", contentType: "text/plain" }),
  });
  expect(response.ok).toBe(true);
  const [message] = await there.count(1);
  expect(message).toMatchObject({ body: "Grüße", headers: { "content-type": "text/plain" } });
});

test("health, metrics and log tell of it", async () => {
  expect(await healthOf(node(0))).toMatchObject({ status: "UP", backplane: "CONNECTED" });
  const values = await scrape(node(0));
  expect(values.get("parley_backplane_connected")).toBe(1);
  expect(values.get("parley_backplane_messages_out_total")).toBeGreaterThan(500);
  expect(values.get("parley_backplane_dropped_total")).toBe(0);
  expect(values.get("parley_backplane_invalid_total")).toBe(0);
  expect(values.get("parley_backplane_reconnects_total")).toBe(0);
  expect((await scrape(node(1))).get("parley_backplane_messages_in_total")).toBeGreaterThan(500);
  expect(node(0).log()).toContain("chat is not, without a PostgreSQL that they share");
  expect(node(0).log()).toContain('"nodeId":"one"');
});
