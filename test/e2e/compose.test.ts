import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as pathOf } from "node:path";
import { documentedConfiguration, LoadBalancer } from "../support/load-balancer.ts";
import { nodePort } from "../support/node-port.ts";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { postgresDatabases } from "../support/postgres-databases.ts";
import { RedisServer } from "../support/redis-server.ts";
import { answerOf } from "../support/server-api.ts";
import { connectStock, type StockClient, subscribeAll } from "../support/stock-client.ts";
import { JWT_SECRET, tokenOf } from "../support/tokens.ts";

/** docs/examples/nodes: its three nodes and its nginx, on this machine and without containers. */

setDefaultTimeout(60_000);

interface Service {
  readonly environment: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
  readonly volumes: readonly string[];
  readonly networks: { readonly nodes: { readonly ipv4_address: string } };
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, unknown>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const FOLDER = pathOf(import.meta.dir, "../../docs/examples/nodes");
const read = (name: string) => readFileSync(pathOf(FOLDER, name), "utf8");
const compose = Bun.YAML.parse(read("compose.yaml")) as Compose;
const nginx = read("nginx.conf");
const addressOf = (name: string) => compose.services[name]?.networks.nodes.ipv4_address ?? "";
const NODES = ["node-1", "node-2", "node-3"];

let folder: string;
let redis: RedisServer;
let nodes: ParleyProcess[];
let balancer: LoadBalancer;
const clients: StockClient[] = [];

beforeAll(async () => {
  folder = mkdtempSync(pathOf(tmpdir(), "parley-compose-"));
  redis = await RedisServer.start();
  const secrets = {
    "database-url": await (await postgresDatabases()).make(),
    jwt: JWT_SECRET,
  };
  for (const [name, value] of Object.entries(secrets)) writeFileSync(pathOf(folder, name), value);
  const ports = [await nodePort(), await nodePort(), await nodePort()];
  nodes = await Promise.all(NODES.map((name, index) => startNode(name, ports[index] ?? 0)));
  const local = NODES.reduce(
    (text, name, index) => text.replaceAll(addressOf(name), `10.0.0.1${index + 1}`),
    nginx,
  );
  balancer = await LoadBalancer.start("nginx", { nodePorts: ports, edit: () => local });
});

afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await balancer[Symbol.asyncDispose]();
  for (const node of nodes) expect(await node.stop()).toBe(0);
  await redis[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** The addresses are this machine's; the secrets and the folder of files are where the file has them. */
function startNode(name: string, port: number): Promise<ParleyProcess> {
  const { environment, secrets, volumes } = compose.services[name] as Service;
  const local = new Map([
    ["redis://redis", redis.url],
    [addressOf("nginx"), "127.0.0.1"],
    ...secrets.map((secret) => [`/run/secrets/${secret}`, pathOf(folder, secret)] as const),
  ]);
  const dataDir = pathOf(folder, name);
  mkdirSync(dataDir);
  for (const volume of volumes) {
    const [shared = "", path = ""] = volume.split(":");
    mkdirSync(pathOf(folder, shared), { recursive: true });
    symlinkSync(pathOf(folder, shared), path.replace(/^\/data/, dataDir));
  }
  const env = Object.entries(environment).map(([key, value]) => [key, local.get(value) ?? value]);
  return startParley({
    ...{ dataDir, env: Object.fromEntries(env) },
    // As the Dockerfile says: an address that others reach, so that tokens are asked for.
    flags: ["--host", "0.0.0.0", "--port", String(port)],
  });
}

async function join(userId: string): Promise<StockClient> {
  const [anywhere] = nodes;
  if (anywhere === undefined) throw new Error("there are no nodes");
  const connectHeaders = { Authorization: `Bearer ${await tokenOf({ sub: userId })}` };
  const config = { brokerURL: balancer.wsUrl, connectHeaders };
  const client = await connectStock(anywhere, userId, { config });
  clients.push(client);
  await subscribeAll(client);
  return client;
}

test("nginx.conf is that of docs/load-balancing.md, with the addresses of the services", () => {
  const documented = NODES.reduce(
    (text, name, index) => text.replaceAll(`10.0.0.1${index + 1}`, addressOf(name)),
    documentedConfiguration("nginx"),
  ).replaceAll("/etc/letsencrypt/live/chat.example", "/etc/nginx/tls");
  expect(nginx.replace(/^#.*\n/, "")).toBe(documented);
});

test("each secret and volume that a service uses is there", () => {
  for (const { secrets = [], volumes = [] } of Object.values(compose.services)) {
    expect(Object.keys(compose.secrets)).toEqual(expect.arrayContaining([...secrets]));
    const named = volumes.map((volume) => volume.split(":")[0] ?? "");
    const kept = named.filter((name) => !name.startsWith("."));
    expect(Object.keys(compose.volumes)).toEqual(expect.arrayContaining(kept));
  }
});

test("users of three nodes chat through nginx, and find files at each node", async () => {
  const users = ["anna", "ben", "carl", "dora", "eve", "finn"];
  const joined = await Promise.all(users.map(join));
  const [anna, ben] = joined as [StockClient, StockClient];
  const authorization = `Bearer ${await tokenOf({ sub: "anna" })}`;
  const upload = await fetch(`${balancer.url}/api/attachments?name=note.txt`, {
    ...{ method: "POST", body: "a note" },
    headers: { Authorization: authorization, "Content-Type": "text/plain" },
  });
  const { status, body } = await answerOf(upload);
  expect(status).toBe(201);
  anna.send("/app/chat.send", {
    ...{ conversationId: "c1", recipientId: "ben", content: "look", clientMessageId: "m1" },
    attachments: [body.id],
  });
  const messages = ben.got("/user/ben/queue/messages");
  await ben.until(() => messages.length > 0, "the message");
  expect(messages[0]).toMatchObject({ content: "look", senderId: "anna", seq: 1 });
  const confirmations = anna.got("/user/anna/queue/confirmations");
  await anna.until(() => confirmations.length === 2, "SENT and DELIVERED");
  const asBen = { Authorization: `Bearer ${await tokenOf({ sub: "ben" })}` };
  const path = `/api/attachments/${body.id}`;
  const { body: link } = await answerOf(await fetch(balancer.url + path, { headers: asBen }));
  const connections = await Promise.all(
    nodes.map(async ({ url }) => {
      expect(await (await fetch(`${url}${link.url}`)).text()).toBe("a note");
      const health = await answerOf(await fetch(`${url}/api/websocket/health`, { headers: asBen }));
      return health.body.activeConnections;
    }),
  );
  expect(connections).not.toContain(0);
});
