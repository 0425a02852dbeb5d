import { afterEach, expect, test } from "bun:test";
import { CertificateFolder, newCertificate } from "../support/certificates.ts";
import { Installation, untilLogged } from "../support/nodes.ts";
import { RedisCluster } from "../support/redis-cluster.ts";
import { RedisServer } from "../support/redis-server.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

let nodes: Installation;

afterEach(async () => {
  await nodes[Symbol.asyncDispose]();
});

/** Two nodes hear each other by this URL. */
async function assertCarried(url: string, env: Readonly<Record<string, string>> = {}) {
  nodes = await Installation.start(url, ["one", "two"], env);
  await nodes.assertTopicsCross();
}

/** Between Redis servers as well. */
function tlsFlags({ certFile, keyFile }: CertificateFolder): string[] {
  return [
    ...["--tls-cert-file", certFile, "--tls-key-file", keyFile, "--tls-ca-cert-file", certFile],
    ...["--tls-auth-clients", "no", "--tls-replication", "yes"],
  ];
}

test("a Redis with TLS and a password", async () => {
  using folder = new TemporaryFolder();
  const files = new CertificateFolder(folder.path);
  files.put(newCertificate("redis"));
  await using redis = await RedisServer.start(...tlsFlags(files), "--requirepass", "s3cret/word");
  const url = `rediss://:s3cret%2Fword@localhost:${redis.port}`;
  await assertCarried(url, { NODE_EXTRA_CA_CERTS: files.certFile });
  const distrustful = await nodes.add("three", { env: {} });
  await untilLogged(distrustful, "Not connected");
  expect(distrustful.log()).toContain("certificate");
  for (const node of nodes.nodes) expect(node.log()).not.toContain("s3cret");
});

test("a master and its Sentinel with TLS and passwords of their own", async () => {
  using folder = new TemporaryFolder();
  const files = new CertificateFolder(folder.path);
  files.put(newCertificate("redis"));
  const tls = tlsFlags(files);
  await using master = await RedisServer.start(...tls, "--requirepass", "s3cret-master");
  const password = ["--requirepass", "s3cret-sentinel"];
  await using sentinel = await RedisServer.sentinel(master, "main", ...tls, ...password);
  const access = ["--no-auth-warning", "-a", "s3cret-sentinel"];
  await sentinel.command(...access, "SENTINEL", "SET", "main", "auth-pass", "s3cret-master");
  const url = `rediss+sentinel://:s3cret-master@localhost:${sentinel.port}/main`;
  await assertCarried(`${url}?sentinel_password=s3cret-sentinel`, {
    NODE_EXTRA_CA_CERTS: files.certFile,
  });
  for (const node of nodes.nodes) expect(node.log()).not.toContain("s3cret");
});

test("a Redis Cluster with TLS", async () => {
  using folder = new TemporaryFolder();
  const files = new CertificateFolder(folder.path);
  files.put(newCertificate("redis"));
  await using cluster = await RedisCluster.start(3, 0, [
    ...tlsFlags(files),
    "--tls-cluster",
    "yes",
  ]);
  const url = cluster.url.replace("redis+", "rediss+");
  await assertCarried(url, { NODE_EXTRA_CA_CERTS: files.certFile });
}, 60_000);

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
  await assertCarried(redis.url);
  const other = await nodes.add("other", { env: { PARLEY_REDIS_PREFIX: "other:" } });
  const sender = await nodes.connect(0, "anna");
  const stranger = await nodes.listener(other, "cleo");
  const listener = await nodes.listener(1, "ben");
  const own = await nodes.connect(other, "dora");
  await stranger.listen("/topic/#", own, "/topic/x");
  await listener.listen("/topic/x", sender);
  const strangers = stranger.heard.length;
  await sender.sent("/topic/x", { from: "anna" });
  await listener.count(1);
  await stranger.listen("/topic/end", own);
  expect(stranger.heard.length).toBe(strangers);
});
