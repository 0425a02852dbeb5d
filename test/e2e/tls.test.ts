import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { get as getPlain } from "node:http";
import { get as getSecure, type RequestOptions } from "node:https";
import { connect } from "node:tls";
import { Client } from "@stomp/stompjs";
import { CertificateFolder, handshake, newCertificate, replace } from "../support/certificates.ts";
import { type ParleyProcess, runParley, startParley } from "../support/parley-process.ts";
import { StockClient } from "../support/stock-client.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

setDefaultTimeout(60_000);

const FIRST = newCertificate("first");
const SECOND = newCertificate("second");

let folder: TemporaryFolder;
let files: CertificateFolder;
const servers: ParleyProcess[] = [];
const clients: StockClient[] = [];

beforeAll(() => {
  folder = new TemporaryFolder();
  files = new CertificateFolder(folder.path);
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

afterAll(() => folder[Symbol.dispose]());

async function parley(...flags: string[]): Promise<ParleyProcess> {
  files.put(FIRST);
  const pair = ["--tls-cert-file", files.certFile, "--tls-key-file", files.keyFile];
  const server = await startParley({ flags: [...pair, "--tls-reload-ms", "50", ...flags] });
  servers.push(server);
  return server;
}

/** The stock client over wss, which trusts the certificate. */
async function stock(server: ParleyProcess, userId: string, ca: string): Promise<StockClient> {
  const stomp = new Client({
    // The types of browsers know nothing of the runtime's own options.
    webSocketFactory: () => Reflect.construct(WebSocket, [server.wsUrl, { tls: { ca } }]),
    connectHeaders: { "X-User-Id": userId },
    reconnectDelay: 0,
  });
  const client = new StockClient(userId, stomp);
  clients.push(client);
  stomp.onConnect = () => {
    client.connects += 1;
    client.note();
  };
  stomp.activate();
  await client.until(() => client.connects === 1, "CONNECTED");
  return client;
}

/** STOMP over TCP with TLS: what it sent and what came. */
async function tcpClient(port: number, userId: string, ca: string) {
  const socket = connect({ port, host: "127.0.0.1", ca, servername: "localhost" });
  let received = "";
  let wake = () => {};
  socket.on("data", (bytes) => {
    received += bytes.toString();
    wake();
  });
  socket.on("error", () => {});
  socket.on("close", () => wake());
  const until = async (text: string) => {
    while (!received.includes(text)) {
      if (socket.destroyed) throw new Error(`closed; got ${received}`);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  socket.write(`CONNECT\naccept-version:1.2\nhost:localhost\nlogin:${userId}\n\n\0`);
  await until("CONNECTED");
  const subscribe = `SUBSCRIBE\nid:0\ndestination:/topic/news\nreceipt:subscribed\n\n\0`;
  socket.write(subscribe);
  await until("receipt-id:subscribed");
  return { socket, until };
}

async function renewedTo(subject: string, port: number): Promise<void> {
  while ((await handshake(port).catch(() => null))?.subject !== subject) await Bun.sleep(10);
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
}

function ask(get: typeof getPlain, options: RequestOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = get({ host: "127.0.0.1", agent: false, ...options }, (response) => {
      response.resume();
      resolve({ status: response.statusCode ?? 0, headers: response.headers });
    });
    request.on("error", reject);
  });
}

test("HTTPS, wss and TLS over TCP: the ready line says so, and stock clients talk", async () => {
  const server = await parley("--tcp-port", "0");
  expect(server.url).toBe(`https://127.0.0.1:${server.port}`);
  expect(server.log()).toContain(`"tcp":"stomp+ssl://127.0.0.1:${server.tcpPort}"`);
  const alice = await stock(server, "alice", FIRST.cert);
  const bob = await stock(server, "bob", FIRST.cert);
  await bob.subscribed("/user/queue/messages");
  await alice.sent("/app/chat.send", { conversationId: "c", recipientId: "bob", content: "hello" });
  expect(await bob.event("/user/queue/messages")).toMatchObject({ content: "hello" });
  await tcpClient(server.tcpPort, "carol", FIRST.cert);
});

test("TLS 1.2 and 1.3 are spoken, nothing older", async () => {
  const server = await parley("--tcp-port", "0");
  for (const port of [server.port, server.tcpPort]) {
    expect((await handshake(port)).protocol).toBe("TLSv1.3");
    expect((await handshake(port, { maxVersion: "TLSv1.2" })).protocol).toBe("TLSv1.2");
    const old = handshake(port, { minVersion: "TLSv1", maxVersion: "TLSv1.1" });
    expect(await old.then(String, () => "refused")).toBe("refused");
  }
});

test("a new certificate is shown to new connections, while those that are there go on and hear each other", async () => {
  const server = await parley("--tcp-port", "0", "--insecure-trust-user-id");
  const early = await stock(server, "early", FIRST.cert);
  await early.subscribed("/topic/news");
  const overTcp = await tcpClient(server.tcpPort, "tcp", FIRST.cert);
  files.put(SECOND);
  await Promise.all([server.port, server.tcpPort].map((port) => renewedTo("second", port)));
  for (const port of [server.port, server.tcpPort]) {
    for (let n = 0; n < 10; n += 1) expect((await handshake(port)).subject).toBe("second");
  }
  const late = await stock(server, "late", SECOND.cert);
  await late.subscribed("/topic/news");
  const lateOverTcp = await tcpClient(server.tcpPort, "tcp2", SECOND.cert);
  // In both directions over the renewal, and over both transports.
  early.send("/topic/news", { from: "early" });
  late.send("/topic/news", { from: "late" });
  for (const client of [early, late]) {
    await client.event("/topic/news", ({ from }) => from === "early");
    await client.event("/topic/news", ({ from }) => from === "late");
  }
  for (const client of [overTcp, lateOverTcp]) {
    await client.until('"from":"early"');
    await client.until('"from":"late"');
  }
  await early.subscribed("/user/queue/messages");
  await late.sent("/app/chat.send", { conversationId: "c", recipientId: "early", content: "hi" });
  expect(await early.event("/user/queue/messages")).toMatchObject({ content: "hi" });
  // A copy of what one sends oneself goes to one's other connections.
  const sameUser = await stock(server, "early", SECOND.cert);
  await sameUser.sent("/app/chat.send", { conversationId: "c", content: "from the other" });
  await early.event("/user/queue/messages", ({ content }) => content === "from the other");
  expect(early.closes).toEqual([]);
  expect(overTcp.socket.destroyed).toBe(false);
  // And it stops in order with both kinds of connections open.
  clients.splice(0);
  servers.splice(0);
  expect(await server.stop()).toBe(0);
});

test("half of a pair, or no certificate at all, is logged and the former one stays", async () => {
  const server = await parley();
  replace(files.certFile, SECOND.cert);
  while (!server.log().includes("the former one stays")) await Bun.sleep(10);
  expect((await handshake(server.port)).subject).toBe("first");
  writeFileSync(files.keyFile, "-----BEGIN PRIVATE KEY-----\nMIG");
  while (!server.log().includes("no usable PEM")) await Bun.sleep(10);
  expect((await handshake(server.port)).subject).toBe("first");
  replace(files.keyFile, SECOND.key);
  await renewedTo("second", server.port);
  expect(server.log()).not.toContain(SECOND.key.slice(40, 80));
});

test("parley health asks over TLS", async () => {
  const server = await parley();
  const pair = ["--tls-cert-file", files.certFile, "--tls-key-file", files.keyFile];
  const healthy = await runParley("health", "--port", `${server.port}`, ...pair);
  expect(healthy).toMatchObject({ exitCode: 0, stderr: "" });
  const strict = await runParley("health", "--url", server.url);
  expect(strict.exitCode).toBe(1);
});

test("browsers are told to stay with https, for as long as the operator says", async () => {
  const server = await parley("--tls-hsts-days", "180");
  const where = { port: server.port, rejectUnauthorized: false };
  for (const path of ["/", "/healthz", "/ws/info"]) {
    const { headers } = await ask(getSecure, { ...where, path });
    expect(headers["strict-transport-security"]).toBe("max-age=15552000");
  }
  const silent = await parley();
  const { headers } = await ask(getSecure, { ...where, port: silent.port, path: "/" });
  expect(headers["strict-transport-security"]).toBeUndefined();
});

test("plain HTTP is redirected to hosts that the certificate names, and nowhere else", async () => {
  const server = await parley("--tls-redirect-port", "0", "--tls-public-port", "443");
  const port = Number(/"redirect":"[^"]+:(\d+)"/.exec(server.log())?.[1]);
  const to = async (host: string, path = "/a/b?c=d") => {
    const { status, headers } = await ask(getPlain, { port, path, headers: { host } });
    return `${status} ${headers.location}`;
  };
  expect(await to("localhost")).toBe("308 https://localhost/a/b?c=d");
  expect(await to(`127.0.0.1:${port}`)).toBe("308 https://127.0.0.1/a/b?c=d");
  expect(await to("www.chat.example:80")).toBe("308 https://www.chat.example/a/b?c=d");
  expect(await to("localhost", "//evil.example/%2e%2e")).toStartWith("308 https://localhost/");
  for (const host of [
    "evil.example",
    "localhost@evil.example",
    "localhost.evil.example",
    "[::1]",
  ]) {
    expect(await to(host)).toBe("421 undefined");
  }
  expect((await ask(getSecure, { port: server.port, rejectUnauthorized: false })).status).toBe(200);
});

test("a port that somebody else has is refused, though renewals share it", async () => {
  const server = await parley();
  const pair = ["--tls-cert-file", files.certFile, "--tls-key-file", files.keyFile];
  const second = await runParley(
    "serve",
    "--port",
    `${server.port}`,
    "--database-url",
    "memory:",
    ...pair,
  );
  expect(second.exitCode).toBe(1);
  expect(second.stderr).toContain("Cannot listen on 127.0.0.1");
});
