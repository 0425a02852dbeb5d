import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { connectionsOf } from "../support/connections.ts";
import { BINARY, type ParleyProcess, startParley } from "../support/parley-process.ts";
import { StockCrowd } from "../support/stock-crowd.ts";
import { CERT_FILE, KEY_FILE, TcpClient } from "../support/tcp-client.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const FLAGS = ["--tcp-port=0", "--limits-messages-per-second=0"];

let server: ParleyProcess;
const crowd = new StockCrowd();
const join = (userId: string) => crowd.join(server, userId);

beforeAll(async () => {
  server = await startParley({ flags: FLAGS });
});

afterAll(async () => {
  await crowd.leave();
  expect(await server.stop()).toBe(0);
});

const connections = () => connectionsOf(server);

function frame(command: string, headers: Record<string, string>, body = ""): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
  return `${command}\n${lines.join("")}\n${body}\0`;
}

test("a back end over TCP and a front end over WebSocket chat", async () => {
  const front = await join("front");
  const back = await TcpClient.connect(server.tcpPort, "back");
  await back.subscribed("/user/queue/messages");
  await back.subscribed("/user/queue/confirmations");
  expect(await connections()).toBe(2);

  const hello = { conversationId: "tcp", recipientId: "front", content: "Grüße 👋" };
  back.send(frame("SEND", { destination: "/app/chat.send" }, JSON.stringify(hello)));
  const received = await front.event("/user/front/queue/messages");
  expect(received).toMatchObject({ content: "Grüße 👋", senderId: "back", seq: 1 });
  const confirmations = [await back.frame("MESSAGE"), await back.frame("MESSAGE")];
  expect(confirmations.map((message) => JSON.parse(message.text()).status)).toEqual([
    "SENT",
    "DELIVERED",
  ]);

  front.send("/app/chat.send", { conversationId: "tcp", content: "zurück 👍" });
  const answer = await back.frame("MESSAGE");
  expect(answer.header("destination")).toBe("/user/queue/messages");
  expect(JSON.parse(answer.text())).toMatchObject({ content: "zurück 👍", seq: 2 });
  // Its bytes have left the server.
  await front.event("/user/front/queue/confirmations", ({ status }) => status === "DELIVERED");
  back.send(frame("DISCONNECT", { receipt: "bye" }));
  expect((await back.frame("RECEIPT")).header("receipt-id")).toBe("bye");
  await back.closed;
});

test("a frame that comes byte by byte is a frame", async () => {
  const client = await TcpClient.open(server.tcpPort);
  const text =
    frame("CONNECT", { "accept-version": "1.2", login: "slow" }) +
    frame("SUBSCRIBE", { id: "t", destination: "/topic/slow" }) +
    frame("SEND", { destination: "/topic/slow", receipt: "r" }, "süß");
  for (const byte of Buffer.from(text)) {
    await new Promise<void>((resolve) => client.socket.write(Buffer.of(byte), () => resolve()));
  }
  await client.frame("RECEIPT");
  expect((await client.frame("MESSAGE")).text()).toBe("süß");
  client.close();
});

test("a topic reaches every kind of client, in order, whoever sends", async () => {
  const front = await join("fan-front");
  const got: string[] = [];
  front.stomp.subscribe("/topic/fan", (message) => {
    got.push(message.body);
    front.note();
  });
  await front.subscribed("/topic/presence");
  const backs = await Promise.all(
    ["fan-1", "fan-2"].map((name) => TcpClient.connect(server.tcpPort, name)),
  );
  for (const back of backs) await back.subscribed("/topic/fan");
  const [sender] = backs;
  const sent = Array.from({ length: 1_000 }, (_, index) => `ß${index}`);
  sender?.send(sent.map((body) => frame("SEND", { destination: "/topic/fan" }, body)).join(""));
  for (const back of backs) {
    while (back.got("MESSAGE").length < sent.length) await back.frame("MESSAGE");
    expect(back.got("MESSAGE").map((message) => message.text())).toEqual(sent);
  }
  await front.until(() => got.length === sent.length, "all of the topic");
  expect(got).toEqual(sent);
  front.stomp.publish({ destination: "/topic/fan", body: "zurück" });
  for (const back of backs) expect((await last(back, "MESSAGE", 1_001)).text()).toBe("zurück");
  for (const back of backs) back.close();
});

async function last(client: TcpClient, command: string, count: number) {
  for (;;) {
    const found = client.got(command)[count - 1];
    if (found !== undefined) return found;
    await client.frame(command);
  }
}

test("a client that reads nothing is closed at the buffer's limit; the others miss nothing", async () => {
  const deaf = await TcpClient.connect(server.tcpPort, "deaf");
  const healthy = await TcpClient.connect(server.tcpPort, "healthy");
  const sender = await TcpClient.connect(server.tcpPort, "sender");
  for (const client of [deaf, healthy]) await client.subscribed("/topic/flood");
  deaf.socket.pause();
  const before = await connections();
  const body = "x".repeat(60_000);
  let sent = 0;
  // The kernel takes some megabytes before the server's own buffer fills.
  while ((await connections()) === before && sent < 1_000) {
    sender.send(frame("SEND", { destination: "/topic/flood", receipt: `${sent}` }, body));
    sent += 1;
    await sender.frame("RECEIPT");
    await healthy.frame("MESSAGE");
  }
  expect(sent).toBeLessThan(1_000);
  expect(healthy.got("MESSAGE")).toHaveLength(sent);
  expect(server.log()).toContain("its send buffer is full");
  deaf.socket.resume();
  await deaf.closed;
  expect(deaf.got("MESSAGE").length).toBeLessThan(sent);
  for (const client of [healthy, sender]) client.close();
});

test("a client that half-closes gets the receipts of all that it sent, and its messages are on disk", async () => {
  const client = await TcpClient.open(server.tcpPort, { keepsOpen: true });
  const sends = Array.from({ length: 20 }, (_, index) =>
    frame(
      "SEND",
      { destination: "/app/chat.send", receipt: `${index}` },
      JSON.stringify({ conversationId: "half", recipientId: "half-b", content: `${index}` }),
    ),
  );
  client.send(frame("CONNECT", { "accept-version": "1.2", login: "half-a" }) + sends.join(""));
  client.halfClose();
  await client.closed;
  expect(client.got("RECEIPT")).toHaveLength(20);
  const history = await fetch(`${server.url}/api/conversations/half/messages`, {
    headers: { "X-User-Id": "half-b" },
  });
  const { messages }: { messages: object[] } = await history.json();
  expect(messages).toHaveLength(20);
});

test("a worker may send all its transactions without waiting for any", async () => {
  const worker = await TcpClient.connect(server.tcpPort, "worker");
  const count = 500;
  const transactions = Array.from({ length: count }, (_, n) => {
    const transaction = `${n}`;
    const job = { destination: "/queue/pipelined", persistent: "true", transaction };
    return (
      frame("BEGIN", { transaction }) +
      frame("SEND", job, `job ${n}`) +
      frame("COMMIT", { transaction, receipt: transaction })
    );
  });
  worker.send(transactions.join(""));
  await last(worker, "RECEIPT", count);
  await worker.subscribed("/queue/pipelined", "prefetch-count:0\n");
  expect((await last(worker, "MESSAGE", count)).text()).toBe(`job ${count - 1}`);
  worker.close();
});

describe("TLS", () => {
  const TLS = [...FLAGS, `--tcp-cert-file=${CERT_FILE}`, `--tcp-key-file=${KEY_FILE}`];

  test("carries the same sessions; what is not TLS is refused", async () => {
    const secure = await startParley({ flags: TLS });
    expect(secure.log()).toContain(`"tcp":"stomp+ssl://127.0.0.1:${secure.tcpPort}"`);
    const plain = await TcpClient.open(secure.tcpPort);
    plain.send(frame("CONNECT", { "accept-version": "1.2", login: "eve" }));
    await plain.closed;
    expect(plain.frames).toEqual([]);

    const alice = await TcpClient.connect(secure.tcpPort, "alice", { tls: true });
    const bob = await TcpClient.connect(secure.tcpPort, "bob", { tls: true });
    await bob.subscribed("/topic/large");
    const bodies = Array.from({ length: 50 }, (_, index) => `${index}`.repeat(50_000));
    for (const body of bodies) {
      alice.send(frame("SEND", { destination: "/topic/large" }, body));
    }
    await last(bob, "MESSAGE", 50);
    expect(bob.got("MESSAGE").map((message) => message.text())).toEqual(bodies);
    expect(await secure.stop()).toBe(0);
    expect((await alice.frame("ERROR")).header("code")).toBe("SHUTTING_DOWN");
  });
});

test("a stop tells TCP clients that it stops, waits for no client that hears nothing, and ends with 0", async () => {
  const stopping = await startParley({ flags: [...FLAGS, "--shutdown-timeout-ms=500"] });
  const clients = [
    await TcpClient.connect(stopping.tcpPort, "a"),
    await TcpClient.connect(stopping.tcpPort, "b"),
  ];
  const fresh = await TcpClient.open(stopping.tcpPort);
  const stuck = await TcpClient.open(stopping.tcpPort, { keepsOpen: true });
  expect(await stopping.stop()).toBe(0);
  for (const client of [...clients, fresh]) {
    expect((await client.frame("ERROR")).header("code")).toBe("SHUTTING_DOWN");
    await client.closed;
  }
  stuck.close();
});

test("a client that never says CONNECT is told, and gone", async () => {
  const impatient = await startParley({ flags: [...FLAGS, "--limits-connect-ms=200"] });
  const client = await TcpClient.open(impatient.tcpPort);
  client.send("CONN");
  expect((await client.frame("ERROR")).header("code")).toBe("CONNECT_TIMEOUT");
  await client.closed;
  expect(await impatient.stop()).toBe(0);
});

describe("a start is refused with the setting's name", () => {
  function refused(...flags: string[]): string {
    const child = Bun.spawnSync(
      [BINARY, "serve", "--port=0", "--database-url=memory:", "--tcp-port=0", ...flags],
      { env: {}, timeout: 20_000 },
    );
    expect(child.exitCode).not.toBe(0);
    return child.stderr.toString();
  }

  test("a taken port", () => {
    const error = refused(`--tcp-port=${server.tcpPort}`);
    expect(error).toContain(`port ${server.tcpPort} (tcp.port)`);
  });

  test("certificates that are not there, or none, or not of the key", () => {
    const pair = (cert: string, key: string) =>
      refused(`--tcp-cert-file=${cert}`, `--tcp-key-file=${key}`);
    using folder = new TemporaryFolder();
    const otherKey = folder.file("other.pem");
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
    writeFileSync(otherKey, privateKey.export({ type: "pkcs8", format: "pem" }));
    expect(pair(folder.file("none.pem"), KEY_FILE)).toContain("tcp.cert_file cannot be read");
    expect(pair(KEY_FILE, KEY_FILE)).toContain("tcp.cert_file");
    expect(pair(CERT_FILE, CERT_FILE)).toContain("tcp.key_file");
    expect(pair(CERT_FILE, otherKey)).toContain("is not the key of tcp.cert_file");
    expect(refused(`--tcp-cert-file=${CERT_FILE}`)).toContain("tcp.key_file is not set");
  });

  test("an address of other machines without authentication", () => {
    expect(refused("--tcp-host=0.0.0.0")).toContain("0.0.0.0 (tcp.host)");
  });
});
