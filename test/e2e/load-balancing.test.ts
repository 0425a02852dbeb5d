import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import type { StompConfig } from "@stomp/stompjs";
import SockJS from "sockjs-client";
import { BALANCERS, LoadBalancer } from "../support/load-balancer.ts";
import { nodePort } from "../support/node-port.ts";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { expectAllKept, PersistentSender } from "../support/persistent-sender.ts";
import { postgresDatabases } from "../support/postgres-databases.ts";
import { RawClient } from "../support/raw-client.ts";
import { RawSocket } from "../support/raw-socket.ts";
import { RedisServer } from "../support/redis-server.ts";
import { answerOf, askAs } from "../support/server-api.ts";
import { connectStock, type StockClient, subscribeAll } from "../support/stock-client.ts";

/** The configurations of docs/load-balancing.md, with the real nginx and HAProxy and three nodes. */

setDefaultTimeout(60_000);

const DRAIN_MS = 500;
const CONNECTIONS_PER_ADDRESS = 12;
const TRANSPORTS = ["xhr-streaming", "xhr-polling", "eventsource"];

let redis: RedisServer;
let ports: number[];
let nodes: ParleyProcess[];
let env: Record<string, string>;
const clients: StockClient[] = [];

beforeAll(async () => {
  redis = await RedisServer.start();
  ports = [await nodePort(), await nodePort(), await nodePort()];
  env = {
    ...{ PARLEY_BACKPLANE: "redis", PARLEY_REDIS_URL: redis.url },
    PARLEY_DATABASE_URL: await (await postgresDatabases()).make(),
    PARLEY_PROXY_TRUSTED: "127.0.0.1",
    PARLEY_SHUTDOWN_DRAIN_MS: String(DRAIN_MS),
    PARLEY_SHUTDOWN_RECONNECT_SPREAD_MS: "100",
    PARLEY_LIMITS_CONNECTIONS_PER_ADDRESS: String(CONNECTIONS_PER_ADDRESS),
    PARLEY_LIMITS_MESSAGES_PER_SECOND: "0",
    PARLEY_EVENTS_POLL_GRACE_MS: "1000",
    // Nothing but its client's end ends a stream, within the time of a test.
    ...{ PARLEY_EVENTS_HEARTBEAT_MS: "120000", PARLEY_SOCKJS_HEARTBEAT_MS: "120000" },
    PARLEY_LIMITS_CONNECT_MS: "120000",
    PARLEY_INSECURE_TRUST_USER_ID: "true",
  };
  nodes = await Promise.all(ports.map((port) => startNode(port)));
});

afterEach(() => Promise.all(clients.splice(0).map((client) => client.close())));

afterAll(async () => {
  for (const node of nodes) expect(await node.stop()).toBe(0);
  await redis[Symbol.asyncDispose]();
});

function startNode(port: number): Promise<ParleyProcess> {
  return startParley({ flags: ["--port", String(port)], env });
}

function connectionsOfEach(): Promise<number[]> {
  return Promise.all(
    nodes.map(async (node) => {
      const { body } = await answerOf(await askAs(node, "anybody", "/api/websocket/health"));
      return body.activeConnections;
    }),
  );
}

function overSockJs({ url }: LoadBalancer, transport: string): StompConfig {
  return { webSocketFactory: () => new SockJS(`${url}/ws`, null, { transports: transport }) };
}

async function join(userId: string, config: StompConfig): Promise<StockClient> {
  // Where it connects is in the configuration.
  const [anywhere] = nodes;
  if (anywhere === undefined) throw new Error("there are no nodes");
  const client = await connectStock(anywhere, userId, { config });
  clients.push(client);
  return client;
}

/** One after the other, each when the one before is back. */
async function restartAll(afterEachNode: () => Promise<void>): Promise<void> {
  for (const [index, node] of nodes.entries()) {
    expect(await node.stop()).toBe(0);
    nodes[index] = await startNode(node.port);
    await afterEachNode();
  }
}

describe.each(BALANCERS)("%s", (name) => {
  let balancer: LoadBalancer;

  beforeAll(async () => {
    balancer = await LoadBalancer.start(name, { nodePorts: ports });
  });
  afterAll(() => balancer[Symbol.asyncDispose]());

  test("spreads WebSockets over all nodes", async () => {
    const { wsUrl } = balancer;
    const userIds = Array.from({ length: 9 }, (_, index) => `w${index}`);
    await Promise.all(userIds.map((userId) => join(userId, { brokerURL: wsUrl })));
    const counts = await connectionsOfEach();
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(userIds.length);
    expect(counts).not.toContain(0);
  });

  test("keeps each session of SockJS over HTTP at one node, and spreads sessions over nodes", async () => {
    const userIds = Array.from({ length: 12 }, (_, index) => `s${index}`);
    const joined = await Promise.all(
      userIds.map((userId, index) =>
        join(userId, overSockJs(balancer, TRANSPORTS[index % TRANSPORTS.length] ?? "")),
      ),
    );
    await Promise.all(joined.map(subscribeAll));
    const counts = await connectionsOfEach();
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(userIds.length);
    expect(counts.filter((count) => count > 0).length).toBeGreaterThan(1);
    for (const client of joined) {
      const conversationId = `${name}-${client.userId}`;
      for (let n = 1; n <= 5; n += 1) {
        const body = { conversationId, recipientId: "nobody", content: `${n}` };
        await client.sent("/app/chat.send", body);
      }
      await client.count(`/user/${client.userId}/queue/confirmations`, 5);
      expect(client.closes).toEqual([]);
    }
  });

  test("keeps who polls at one node, by token or cookies", async () => {
    const names = ["authorization", "cookie"];
    const pollers = Array.from({ length: 8 }, (_, index) => ({
      "x-user-id": `p${index}`,
      [names[index % 2] ?? ""]: `session=${crypto.randomUUID()}`,
    }));
    const events = pollers.map(async (headers) => {
      const heard: string[] = [];
      let position = "";
      for (let poll = 1; poll <= 5; poll += 1) {
        const response = await fetch(`${balancer.url}/api/events?wait=0${position}`, { headers });
        const { body } = await answerOf(response);
        heard.push(...body.events.map(({ event }: { event: string }) => event));
        position = `&cursor=${body.cursor}`;
      }
      return heard;
    });
    // Each node begins with it.
    expect(await Promise.all(events)).toEqual(pollers.map(() => ["ready"]));
    const counts = await connectionsOfEach();
    expect(counts.filter((count) => count > 0).length).toBeGreaterThan(1);
    // They are gone before others are counted.
    while ((await connectionsOfEach()).some((count) => count > 0)) await Bun.sleep(20);
  });

  test.each([
    ["POST", "/ws/000/{session}/xhr_streaming", "h".repeat(2_048)],
    ["GET", "/ws/000/{session}/eventsource", "data: o"],
    ["GET", "/api/events", "event: ready"],
  ])("ends a stream at its node when its client closes it: %s %s", async (method, path, first) => {
    const target = path.replace("{session}", crypto.randomUUID());
    const client = await RawSocket.open(balancer.port);
    client.write(
      `${method} ${target} HTTP/1.1\r\nHost: 127.0.0.1:${balancer.port}\r\n` +
        "X-User-Id: streams\r\nContent-Length: 0\r\n\r\n",
    );
    await client.until(first);
    expect((await connectionsOfEach()).toSorted()).toEqual([0, 0, 1]);
    client.end();
    while ((await connectionsOfEach()).some((count) => count > 0)) await Bun.sleep(20);
  });

  test("says who the client is, whatever the client says itself", async () => {
    const allowed = nodes.length * CONNECTIONS_PER_ADDRESS;
    const opened: RawClient[] = [];
    for (let n = 1; n <= allowed + 3; n += 1) {
      const spoofed = { "X-Forwarded-For": `203.0.113.${n}` };
      const socket = await RawClient.open(balancer.wsUrl, [], spoofed).catch(() => null);
      if (socket !== null) opened.push(socket);
    }
    expect(opened).toHaveLength(allowed);
    for (const socket of opened) socket.close();
    const own = { Origin: balancer.url };
    expect((await fetch(`${balancer.url}/ws/info`, { headers: own })).status).toBe(200);
    const other = { Origin: "https://evil.example" };
    expect((await fetch(`${balancer.url}/ws/info`, { headers: other })).status).toBe(403);
  });

  test.each([
    ["websocket", () => ({ brokerURL: balancer.wsUrl })],
    ["SockJS over HTTP", () => overSockJs(balancer, "xhr-streaming")],
  ] satisfies [string, () => StompConfig][])(
    "a rolling restart loses nothing that was confirmed: %s",
    async (way, config) => {
      const prefix = `${name}-${way.slice(0, 4)}`;
      const senders = ["a", "b", "c"].map(
        (each) => new PersistentSender(config(), `${prefix}-${each}`, `${prefix}-reader`),
      );
      clients.push(...senders.map(({ client }) => client));
      const goOn = async () => {
        await Promise.all(senders.map((sender) => sender.more(30)));
      };
      await goOn();
      await restartAll(goOn);
      await Promise.all(senders.map((sender) => sender.finish()));
      expect(senders.some(({ client }) => client.connects > 1)).toBe(true);
      await expectAllKept(senders, nodes);
    },
  );
});
