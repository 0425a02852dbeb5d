import { afterAll, beforeAll, expect, test } from "bun:test";
import { tmpdir } from "node:os";
import { Installation } from "../support/nodes.ts";
import { BINARY, type ParleyProcess } from "../support/parley-process.ts";
import { RedisServer } from "../support/redis-server.ts";
import { scrape } from "../support/scrape.ts";
import { answerOf, askAs, askAsServer } from "../support/server-api.ts";
import { connectStock, type StockClient } from "../support/stock-client.ts";
import { API_KEY } from "../support/tokens.ts";

const PRESENCE = "/topic/presence";
const ENV = { PARLEY_API_KEYS: API_KEY, PARLEY_PRESENCE_GRACE_MS: "200" };

let redis: RedisServer;
let nodes: Installation;
let one: ParleyProcess;
let two: ParleyProcess;

beforeAll(async () => {
  redis = await RedisServer.start();
  nodes = await Installation.start(redis.url, ["one", "two"], ENV);
  [one, two] = [nodes.node(0), nodes.node(1)];
});

afterAll(async () => {
  await nodes[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

async function join(node: ParleyProcess, userId: string): Promise<StockClient> {
  const client = await nodes.connect(node, userId);
  await client.subscribed(PRESENCE);
  return client;
}

const heard = (client: StockClient, userId: string) =>
  client
    .got(PRESENCE)
    .filter((event) => event.userId === userId)
    .map(({ status }) => status);

const hears = (client: StockClient, userId: string, ...statuses: string[]) =>
  client
    .until(() => heard(client, userId).length >= statuses.length, `${statuses} of ${userId}`)
    .then(() => expect(heard(client, userId)).toEqual(statuses));

/** What the node answers once it answers so. */
async function until(node: ParleyProcess, path: string, isSo: (body: Json) => boolean) {
  const late = AbortSignal.timeout(20_000);
  for (;;) {
    const { body } = await answerOf(await askAsServer(node, "GET", path));
    if (isSo(body)) return body;
    if (late.aborted) throw new Error(`${path} answers ${JSON.stringify(body)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

// biome-ignore lint/suspicious/noExplicitAny: documents of the API.
type Json = any;

/** `parley status`, and what it prints. */
async function status(...flags: readonly string[]): Promise<{ code: number; text: string }> {
  const child = Bun.spawn([BINARY, "status", ...flags], {
    ...{ env: { PARLEY_API_KEYS: API_KEY }, stdout: "pipe", stderr: "pipe", cwd: tmpdir() },
  });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code: await child.exited, text: out + err };
}

test("whoever is there is so on all nodes, over STOMP and HTTP, as they say last", async () => {
  const watcher = await join(two, "watcher");
  const ann = await join(one, "ann");
  await hears(watcher, "ann", "ONLINE");
  await ann.sent("/app/user.presence", { status: "AWAY" });
  await hears(watcher, "ann", "ONLINE", "AWAY");
  const { body } = await answerOf(await askAs(two, "watcher", "/api/presence"));
  expect(body.users).toContainEqual({
    ...{ userId: "ann", name: "ann", status: "AWAY", lastSeen: expect.any(String) },
  });

  const annsOther = await join(two, "ann");
  await ann.close();
  await annsOther.sent("/app/user.presence", { status: "ONLINE" });
  await hears(watcher, "ann", "ONLINE", "AWAY", "ONLINE");
  await annsOther.close();
  await hears(watcher, "ann", "ONLINE", "AWAY", "ONLINE", "OFFLINE");
  await until(one, "/api/presence?users=watcher,ann", ({ users }) => {
    return users.some((user: Json) => user.userId === "watcher" && user.status === "ONLINE");
  });
});

test("who is blocked hears nothing of the user on another node", async () => {
  const eve = await join(two, "eve");
  expect((await askAs(two, "dora", "/api/blocks/eve", "PUT")).status).toBe(204);
  const dora = await join(one, "dora");
  const fred = await join(one, "fred");
  await dora.sent("/app/user.presence", { status: "AWAY" });
  await fred.sent("/app/user.presence", { status: "AWAY" });
  await eve.until(() => heard(eve, "fred").at(-1) === "AWAY", "the presence of fred");
  expect(heard(eve, "dora")).toEqual([]);
});

test("statistics and metrics count the users of all nodes", async () => {
  await join(one, "gus");
  await join(two, "gus");
  const { connections, onlineUsers } = await until(two, "/api/stats", (stats) => {
    return stats.connections === nodes.clients.filter(({ stomp }) => stomp.connected).length;
  });
  expect(onlineUsers).toBe(connections - 1);
  for (const node of [one, two]) {
    const values = await scrape(node);
    expect(values.get("parley_nodes")).toBe(2);
    expect(values.get("parley_users_online_all")).toBe(onlineUsers);
    expect(values.get("parley_backplane_invalid_total")).toBe(0);
  }
  const here = [one, two].map(async (node) => (await scrape(node)).get("parley_users_online"));
  const [onOne = 0, onTwo = 0] = await Promise.all(here);
  expect(onOne + onTwo).toBe(onlineUsers + 1);
});

test("parley status lists the nodes", async () => {
  const { nodes, backplane } = await until(one, "/api/nodes", ({ nodes }) => nodes.length === 2);
  expect(backplane).toBe("CONNECTED");
  expect(nodes.map(({ id, isSelf, isConnected }: Json) => [id, isSelf, isConnected])).toEqual([
    ["one", true, true],
    ["two", false, true],
  ]);
  const listed = await status("--url", two.url);
  expect(listed.code).toBe(0);
  expect(listed.text).toMatch(/^NODE +VERSION +SINCE +CONNECTIONS +USERS +BACKPLANE +LAST BEAT$/m);
  // Each has a database of its own.
  expect(listed.text).toMatch(/^two \(asked, leads\) .* connected /m);
  expect(listed.text).toMatch(/^one \(leads\) .* connected /m);
  const json = await status("--json", "--url", two.url);
  expect(JSON.parse(json.text).nodes).toHaveLength(2);
  expect((await fetch(`${one.url}/api/nodes`)).status).toBe(401);
});

test("who was on a node that is killed is OFFLINE on the others, and who comes back is not", async () => {
  const three = await nodes.add("three");
  const watcher = await join(two, "kill-watcher");
  const lost = await connectStock(three, "jon", { config: { reconnectDelay: 0 } });
  const moved = await connectStock(three, "kim", { config: { reconnectDelay: 0 } });
  await hears(watcher, "jon", "ONLINE");
  await hears(watcher, "kim", "ONLINE");
  await nodes.kill(three);
  await join(one, "kim");
  await hears(watcher, "jon", "ONLINE", "OFFLINE");
  await until(two, "/api/nodes", ({ nodes }) => nodes.length === 2);
  expect(heard(watcher, "kim")).toEqual(["ONLINE"]);
  const { body } = await answerOf(await askAsServer(two, "GET", "/api/presence?users=kim"));
  expect(body.users).toMatchObject([{ userId: "kim", status: "ONLINE" }]);
  for (const client of [lost, moved]) await client.close();
});

test("a node that stands still is held to be dead, and taken in again with its users", async () => {
  const watcher = await join(two, "pause-watcher");
  const three = await nodes.add("three");
  await join(three, "lea");
  await hears(watcher, "lea", "ONLINE");
  process.kill(three.pid, "SIGSTOP");
  try {
    await hears(watcher, "lea", "ONLINE", "OFFLINE");
  } finally {
    process.kill(three.pid, "SIGCONT");
  }
  await hears(watcher, "lea", "ONLINE", "OFFLINE", "ONLINE");
  await until(two, "/api/nodes", ({ nodes }) => nodes.length === 3);
  await until(three, "/api/nodes", ({ nodes }) => nodes.length === 3);
  expect(three.log()).not.toContain("held to be dead");
  expect(two.log()).toContain("held to be dead");
  expect(await three.stop()).toBe(0);
  await until(two, "/api/nodes", ({ nodes }) => nodes.length === 2);
  expect(two.log()).toContain("Another node has ended");
});

test("what happened while Redis was away is known when it is back, and nobody was OFFLINE", async () => {
  const watcher = await join(two, "redis-watcher");
  const hal = await join(one, "hal");
  await hears(watcher, "hal", "ONLINE");
  await redis.kill();
  await until(one, "/api/nodes", ({ backplane }) => backplane === "DISCONNECTED");
  await hal.sent("/app/user.presence", { status: "AWAY" });
  const away = await join(one, "ida");
  const { nodes } = await until(two, "/api/nodes", ({ nodes: [, other] }) => !other.isConnected);
  expect(nodes).toMatchObject([
    { id: "two", isConnected: false },
    { id: "one", isConnected: false },
  ]);
  await redis.start();
  await hears(watcher, "hal", "ONLINE", "AWAY");
  await hears(watcher, "ida", "ONLINE");
  await away.close();
  await hears(watcher, "ida", "ONLINE", "OFFLINE");
});
