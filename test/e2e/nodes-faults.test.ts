import { afterEach, beforeEach, expect, test } from "bun:test";
import { healthOf, Installation, untilBackplane, untilLogged } from "../support/nodes.ts";
import { RedisServer } from "../support/redis-server.ts";
import { scrape } from "../support/scrape.ts";
import type { StockClient } from "../support/stock-client.ts";

const ENV = {
  PARLEY_METRICS_OPEN: "true",
  PARLEY_REDIS_PENDING_BYTES: String(1024 * 1024),
};

let redis: RedisServer;
let nodes: Installation;

beforeEach(async () => {
  redis = await RedisServer.notYet();
});

afterEach(async () => {
  await nodes[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

/** A sender on one node, and a listener on it and on another one. */
async function twoNodes() {
  nodes = await Installation.start(redis.url, ["one", "two"], ENV);
  const anna = await nodes.connect(0, "anna");
  const [here, there] = [await nodes.listener(0, "here"), await nodes.listener(1, "there")];
  return { one: nodes.node(0), two: nodes.node(1), anna, here, there };
}

/** Sends without a pause, a burst a turn, until it is told to stop; how many it sent. */
function flood(client: StockClient, destination: string, body: string) {
  let isOn = true;
  let count = 0;
  const done = (async () => {
    while (isOn) {
      for (let burst = 0; burst < 20; burst += 1) {
        client.stomp.publish({ destination, body: `${count} ${body}` });
        count += 1;
      }
      await client.sent("/topic/paced", {});
    }
    return count;
  })();
  return {
    stop() {
      isOn = false;
      return done;
    },
  };
}

test("without Redis a node starts, says so, and heals", async () => {
  const { one, two, anna, here, there } = await twoNodes();
  await here.listen("/topic/x", anna);
  for (const node of [one, two]) {
    expect(await healthOf(node)).toMatchObject({ status: "DEGRADED", backplane: "DISCONNECTED" });
    expect((await fetch(`${node.url}/readyz`)).status).toBe(200);
    expect(node.log()).toContain("Not connected with the other nodes");
    expect(node.log()).toContain(`"backplane":"redis","address":"${new URL(redis.url).host}"`);
    expect((await scrape(node)).get("parley_backplane_connected")).toBe(0);
  }
  await redis.start();
  await there.listen("/topic/x", anna);
  for (const node of [one, two]) {
    await untilBackplane(node, "CONNECTED");
    expect((await healthOf(node)).status).toBe("UP");
    expect(node.log()).toContain("Connected with the other nodes");
  }
});

test("Redis killed in the midst of load, each node goes on; back, it carries all again", async () => {
  await redis.start();
  const { one, two, anna, here, there } = await twoNodes();
  await here.listen("/topic/load", anna);
  await there.listen("/topic/load", anna);
  await there.listen("/topic/wild.*", anna, "/topic/wild.probe");
  const many = Array.from({ length: 700 }, (_, index) => `/topic/many-${index}`);
  for (const topic of many) there.client.stomp.subscribe(topic, () => {});
  await there.client.sent("/topic/settled", {});
  const load = flood(anna, "/topic/load", "x".repeat(100));
  await there.count(200);
  await redis.kill();
  await untilBackplane(one, "DISCONNECTED");
  const before = here.heard.length;
  await here.count(before + 500);
  await redis.start();
  await untilBackplane(one, "CONNECTED");
  await untilBackplane(two, "CONNECTED");
  const back = there.heard.length;
  await there.count(back + 200);
  const sent = await load.stop();
  await here.count(sent);
  // Its own node missed none; the other one nothing but what Redis was away for, and in order.
  expect(here.heard.map(({ body }) => Number.parseInt(body, 10))).toEqual(
    Array.from({ length: sent }, (_, index) => index),
  );
  const numbers = there.heard.map(({ body }) => Number.parseInt(body, 10));
  expect(numbers.toSorted((a, b) => a - b)).toEqual(numbers);
  expect(new Set(numbers).size).toBe(numbers.length);
  await there.listen("/topic/wild.*", anna, "/topic/wild.again");
  await there.listen("/topic/many-699", anna);
  expect(two.log()).toContain("may be missing");
  const values = await scrape(one);
  expect(values.get("parley_backplane_dropped_total")).toBeGreaterThan(0);
  expect(values.get("parley_backplane_reconnects_total")).toBe(2);
  for (const client of [anna, here.client, there.client]) expect(client.connects).toBe(1);
});

test("Redis paused, nobody waits for it, and memory stays bounded", async () => {
  await redis.start();
  const { one, anna, here, there } = await twoNodes();
  await here.listen("/topic/load", anna);
  await there.listen("/topic/load", anna);
  const rss = async () => (await scrape(one)).get("process_resident_memory_bytes") ?? Number.NaN;
  redis.pause();
  const load = flood(anna, "/topic/load", "x".repeat(20_000));
  const before = await rss();
  await here.count(2_000);
  const sent = await load.stop();
  await here.count(sent);
  const values = await scrape(one);
  // Some 40 MB were sent, of which one may wait.
  expect(values.get("parley_backplane_dropped_total")).toBeGreaterThan(1_000);
  expect((await rss()) - before).toBeLessThan(200 * 1024 * 1024);
  redis.resume();
  await there.listen("/topic/after", anna);
  await untilBackplane(one, "CONNECTED");
});

test("a node whose subscriptions alone are cut off tells of the gap and hears again", async () => {
  await redis.start();
  const { two, anna, there } = await twoNodes();
  await there.listen("/topic/x", anna);
  await redis.command("CLIENT", "KILL", "TYPE", "pubsub");
  await there.listen("/topic/x", anna);
  expect(two.log()).toContain("may be missing");
});

test("the password of Redis is in no log", async () => {
  const secret = "s3cret-of-redis";
  await redis.start();
  await redis.command("CONFIG", "SET", "requirepass", "another-one");
  const url = redis.url.replace("//", `//:${secret}@`);
  nodes = await Installation.start(url, ["one"], ENV);
  const node = nodes.node(0);
  await untilBackplane(node, "DISCONNECTED");
  await untilLogged(node, "WRONGPASS");
  expect(node.log()).not.toContain(secret);
});
