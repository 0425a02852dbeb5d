import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { CertificateFolder, newCertificate } from "../support/certificates.ts";
import { NatsServer } from "../support/nats-server.ts";
import { Installation, untilLogged } from "../support/nodes.ts";
import type { ParleyProcess } from "../support/parley-process.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const folder = new TemporaryFolder();
const files = new CertificateFolder(folder.path);
const PASSWORD = "s3cret/word";
const access = `node:${encodeURIComponent(PASSWORD)}@`;
const keys = ["--tls", "--tlscert", files.certFile, "--tlskey", files.keyFile];
const flags = [...keys, "--user", "node", "--pass", PASSWORD];
/** Nodes that trust the certificate. */
const trusting = { NODE_EXTRA_CA_CERTS: files.certFile };
let tls: NatsServer;
let nodes: Installation;

beforeAll(async () => {
  files.put(newCertificate("nats"));
  tls = await NatsServer.start(...flags);
});

afterEach(async () => {
  await nodes[Symbol.asyncDispose]();
});

afterAll(async () => {
  await tls[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

/** Two nodes hear each other by this URL. */
async function assertCarried(url: string, env: Readonly<Record<string, string>> = {}) {
  nodes = await Installation.start(url, ["one", "two"], env);
  await nodes.assertTopicsCross();
  for (const node of nodes.nodes) expect(node.log()).not.toContain("s3cret");
}

/** The first thing that a node is told by this URL. */
async function assertRefused(
  url: string,
  reason: RegExp,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  nodes = await Installation.start(url, ["stranger"], env);
  await assertNotConnected(nodes.node(0), reason);
}

async function assertNotConnected(node: ParleyProcess, reason: RegExp): Promise<void> {
  await untilLogged(node, "Not connected");
  const lines = node.log().split("\n");
  expect(lines.find((line) => line.includes("Not connected"))).toMatch(reason);
  expect(node.log()).not.toContain("s3cret");
}

const url = (userInfo: string, scheme = "tls") => `${scheme}://${userInfo}localhost:${tls.port}`;

test("a NATS with TLS and a password; a certificate that nobody vouches for is not trusted", async () => {
  await assertCarried(url(access), trusting);
  await assertNotConnected(await nodes.add("three", { env: {} }), /certificate/);
});

test("a NATS that speaks TLS alone is spoken to with TLS, whatever the URL begins with", async () => {
  await assertCarried(url(access, "nats"), trusting);
});

test("a wrong password and none at all", async () => {
  await assertRefused(url("node:s3cret-guess@"), /authorization/i, trusting);
  await nodes[Symbol.asyncDispose]();
  await assertRefused(url(""), /authorization/i, trusting);
});

test("a NATS without TLS is told no password by a node that wants TLS", async () => {
  const heard: string[] = [];
  using door = Bun.listen({
    ...{ hostname: "127.0.0.1", port: 0 },
    socket: {
      open(socket) {
        const info = { server_id: "x", version: "2.9.0", proto: 1, max_payload: 1_000_000 };
        socket.write(`INFO ${JSON.stringify(info)}\r\n`);
      },
      data(_, bytes) {
        heard.push(bytes.toString("latin1"));
      },
    },
  });
  await assertRefused(`tls://node:s3cret@127.0.0.1:${door.port}`, /tls/i);
  expect(heard.join("")).not.toContain("s3cret");
});

test("a certificate of somebody else is not NATS'", async () => {
  await using other = await NatsServer.start("-a", "::1", ...flags);
  await assertRefused(`tls://${access}[::1]:${other.port}`, /does not match/, trusting);
});

test("a token, and a user who may do no more than it needs", async () => {
  await using token = await NatsServer.start("--auth", "s3cret-token");
  await assertCarried(token.url.replace("//", "//s3cret-token@"));
  await nodes[Symbol.asyncDispose]();
  const file = folder.file("nats.conf");
  const permissions = '{ publish: ["parley.>"], subscribe: ["parley.>"] }';
  const user = `{ user: node, password: "${PASSWORD}", permissions: ${permissions} }`;
  await Bun.write(file, `authorization { users: [ ${user} ] }\n`);
  await using narrow = await NatsServer.start("-c", file);
  await assertCarried(narrow.url.replace("//", `//${access}`));
});
