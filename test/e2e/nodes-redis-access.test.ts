import { afterEach, expect, test } from "bun:test";
import { CertificateFolder, newCertificate } from "../support/certificates.ts";
import { Listener, startNode } from "../support/nodes.ts";
import type { ParleyProcess } from "../support/parley-process.ts";
import { RedisServer } from "../support/redis-server.ts";
import { connectStock } from "../support/stock-client.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

let nodes: ParleyProcess[] = [];

afterEach(async () => {
  for (const node of nodes) expect(await node.stop()).toBe(0);
  nodes = [];
});

/** Two nodes hear each other by this URL. */
async function assertCarried(url: string, env: Readonly<Record<string, string>> = {}) {
  nodes = await Promise.all(["one", "two"].map((id) => startNode(url, id, env)));
  const [one, two] = nodes;
  if (one === undefined || two === undefined) throw new TypeError("no nodes");
  const sender = await connectStock(one, "anna");
  const listener = await Listener.on(two, "ben");
  await listener.listen("/topic/x", sender);
  await listener.listen("/topic/y.*", sender, "/topic/y.1");
  await sender.close();
  await listener.client.close();
  return nodes;
}

test("a Redis with TLS and a password", async () => {
  using folder = new TemporaryFolder();
  const files = new CertificateFolder(folder.path);
  files.put(newCertificate("redis"));
  const { certFile, keyFile } = files;
  const flags = [
    "--tls-cert-file",
    certFile,
    "--tls-key-file",
    keyFile,
    "--tls-auth-clients",
    "no",
  ];
  await using redis = await RedisServer.start(...flags, "--requirepass", "s3cret/word");
  const url = `rediss://:s3cret%2Fword@localhost:${redis.port}`;
  await assertCarried(url, { NODE_EXTRA_CA_CERTS: certFile });
  const distrustful = await startNode(url, "three");
  nodes.push(distrustful);
  const late = AbortSignal.timeout(20_000);
  while (!distrustful.log().includes("Not connected") && !late.aborted) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(distrustful.log()).toContain("certificate");
  for (const node of nodes) expect(node.log()).not.toContain("s3cret");
});

test("a Redis where the node may do no more than it needs", async () => {
  await using redis = await RedisServer.start();
  const commands = ["+ping", "+publish", "+subscribe", "+unsubscribe", "+psubscribe"];
  const rules = ["on", ">pass", "allchannels", "-@all", ...commands];
  await redis.command("ACL", "SETUSER", "node", ...rules, "+punsubscribe", "+client");
  await redis.command("ACL", "SETUSER", "default", "off");
  await assertCarried(redis.url.replace("//", "//node:pass@"));
});

test("a Redis on a socket of this machine", async () => {
  using folder = new TemporaryFolder();
  const path = folder.file("redis.sock");
  await using _redis = await RedisServer.start("--unixsocket", path);
  await assertCarried(`unix://${path}`);
});

test("two installations on one Redis do not hear each other", async () => {
  await using redis = await RedisServer.start();
  const [one, two] = await assertCarried(redis.url);
  const other = await startNode(redis.url, "other", { PARLEY_REDIS_PREFIX: "other:" });
  nodes.push(other);
  if (one === undefined || two === undefined) throw new TypeError("no nodes");
  const sender = await connectStock(one, "anna");
  const [stranger, listener] = [await Listener.on(other, "cleo"), await Listener.on(two, "ben")];
  const own = await connectStock(other, "dora");
  await stranger.listen("/topic/#", own, "/topic/x");
  await listener.listen("/topic/x", sender);
  const strangers = stranger.heard.length;
  await sender.sent("/topic/x", { from: "anna" });
  await listener.count(1);
  await stranger.listen("/topic/end", own);
  expect(stranger.heard.length).toBe(strangers);
  for (const client of [sender, own, stranger.client, listener.client]) await client.close();
});
