import { afterEach, expect, test } from "bun:test";
import { silentLog } from "../../src/log.ts";
import { TcpEndpoint } from "../../src/transport/tcp-endpoint.ts";
import { type DoorOptions, testDoor } from "../support/admission.ts";
import { sessionHarness } from "../support/session-harness.ts";
import { CERT_FILE, KEY_FILE, TcpClient } from "../support/tcp-client.ts";

const CONNECT_MS = 30_000;
const LINGER_MS = 20_000;

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** A listener on loopback whose time stands still until told otherwise. */
async function listen(
  options: DoorOptions & { readonly tls?: boolean; readonly sendBufferBytes?: number } = {},
) {
  const harness = sessionHarness();
  const { clock, environment } = harness;
  const { sessions, admission } = testDoor(clock, options);
  const tls =
    options.tls === true
      ? { cert: await Bun.file(CERT_FILE).text(), key: await Bun.file(KEY_FILE).text() }
      : null;
  const endpoint = new TcpEndpoint({
    ...{ environment, sessions, admission, clock, tls },
    ...{ log: silentLog, hostname: "127.0.0.1", port: 0, isShared: false },
    sendBufferBytes: options.sendBufferBytes ?? 1 << 20,
    lingerMs: LINGER_MS,
  });
  ends.push(() => endpoint.terminate());
  return { ...harness, sessions, admission, endpoint, port: endpoint.port };
}

const CONNECT = "CONNECT\naccept-version:1.2\nlogin:alice\n\n\0";

test("frames may be split and joined anywhere, with heart-beats between them", async () => {
  const { port, application } = await listen();
  const client = await TcpClient.connect(port, "alice");
  const send = (body: string, receipt: number) =>
    `SEND\ndestination:/app/x\nreceipt:${receipt}\n\n${body}\0`;
  client.send(`\n\n${send("one", 1)}\n\r\n${send("two", 2)}${send("Grüße", 3)}\n`);
  for (let n = 0; n < 3; n += 1) await client.frame("RECEIPT");
  const split = Buffer.from(send("fünf 👋", 4));
  for (const byte of split) {
    client.send(Buffer.from([byte]));
    // One packet a byte: the next is written when this one has left.
    await new Promise<void>((resolve) => client.socket.write("", () => resolve()));
  }
  expect((await client.frame("RECEIPT")).header("receipt-id")).toBe("4");
  expect(application.handled.filter((entry) => entry !== "drained")).toEqual([
    "connected",
    "/app/x one",
    "/app/x two",
    "/app/x Grüße",
    "/app/x fünf 👋",
  ]);
});

test("a text comes as UTF-8, its length in octets", async () => {
  const { port, publish } = await listen();
  const client = await TcpClient.connect(port, "alice");
  await client.subscribed("/topic/x");
  publish("/topic/x", "Grüße 👋");
  const message = await client.frame("MESSAGE");
  expect(message.text()).toBe("Grüße 👋");
  expect(message.header("content-length")).toBe(`${Buffer.byteLength("Grüße 👋")}`);
});

test("the server's heart-beats come", async () => {
  const { port, clock } = await listen();
  const client = await TcpClient.open(port);
  client.send("CONNECT\naccept-version:1.2\nlogin:alice\nheart-beat:0,1000\n\n\0");
  await client.frame("CONNECTED");
  const before = client.receivedBytes;
  const beat = new Promise<void>((resolve) => client.socket.once("data", () => resolve()));
  clock.advance(1_000);
  await beat;
  expect(client.receivedBytes).toBeGreaterThan(before);
  expect(client.frames).toHaveLength(1);
});

test("a client that does not CONNECT in time gets an ERROR and the end", async () => {
  const { port, clock, sessions } = await listen();
  const client = await TcpClient.open(port);
  client.send("CONN"); // The rest never comes.
  await until(() => sessions.count === 1);
  clock.advance(CONNECT_MS + 1_000);
  expect((await client.frame("ERROR")).header("code")).toBe("CONNECT_TIMEOUT");
  await client.closed;
  await until(() => sessions.count === 0);
});

test("a client whose heart-beats stay away is closed", async () => {
  const { port, clock } = await listen();
  const client = await TcpClient.open(port);
  client.send("CONNECT\naccept-version:1.2\nlogin:alice\nheart-beat:1000,0\n\n\0");
  await client.frame("CONNECTED");
  clock.advance(60_000);
  expect((await client.frame("ERROR")).header("code")).toBe("HEARTBEAT_TIMEOUT");
  await client.closed;
});

test("a client that does not close its side keeps the socket for a while only", async () => {
  const { port, clock, sessions } = await listen();
  const client = await TcpClient.open(port, { keepsOpen: true });
  client.send("NONSENSE\n\n\0");
  await client.frame("ERROR");
  await client.ended;
  client.send("nobody listens to this");
  clock.advance(LINGER_MS - 1);
  expect(sessions.count).toBe(1);
  clock.advance(1);
  await until(() => sessions.count === 0);
  client.send("and this is answered with a reset");
  await client.closed;
});

test("a client that half-closes gets the answers to all that it said", async () => {
  const { port, application, sessions } = await listen();
  const answers: (() => void)[] = [];
  application.onSend = () => new Promise((resolve) => answers.push(() => resolve(undefined)));
  const client = await TcpClient.open(port, { keepsOpen: true });
  const send = (receipt: string) => `SEND\ndestination:/app/x\nreceipt:${receipt}\n\n\0`;
  client.send(CONNECT + send("r1") + send("r2"));
  client.halfClose();
  await until(() => answers.length === 1);
  answers[0]?.();
  await until(() => answers.length === 2);
  answers[1]?.();
  await client.ended;
  expect(client.frames.map((frame) => frame.command)).toEqual(["CONNECTED", "RECEIPT", "RECEIPT"]);
  await client.closed;
  await until(() => sessions.count === 0);
  expect(application.handled.at(-1)).toBe("disconnected");
});

test("one that comes and goes without a word gets none", async () => {
  const { port, sessions } = await listen();
  const client = await TcpClient.open(port, { keepsOpen: true });
  client.halfClose();
  await client.closed;
  expect(client.receivedBytes).toBe(0);
  await until(() => sessions.count === 0);
});

test.each([false, true])(
  "a client that pauses gets all of it, in order, when it goes on (TLS: %p)",
  async (tls) => {
    const { port, publish } = await listen({ tls, sendBufferBytes: 1 << 26 });
    const client = await TcpClient.connect(port, "alice", { tls });
    await client.subscribed("/topic/x");
    client.socket.pause();
    const bodies = Array.from({ length: 300 }, (_, n) => `${n} `.repeat(20_000).slice(0, 60_000));
    for (const body of bodies) {
      publish("/topic/x", body); // In all more than the kernel takes for one that does not read.
      await turn();
    }
    client.socket.resume();
    while (client.got("MESSAGE").length < bodies.length) await client.frame("MESSAGE");
    expect(client.got("MESSAGE").map((message) => message.text())).toEqual(bodies);
  },
);

test("a client that takes nothing for too long is dropped, though its buffer is not full", async () => {
  const { port, publish, clock, sessions } = await listen({ sendBufferBytes: 1 << 26 });
  const client = await TcpClient.connect(port, "alice");
  await client.subscribed("/topic/x");
  client.socket.pause();
  for (let n = 0; n < 300; n += 1) {
    publish("/topic/x", "x".repeat(60_000));
    await turn();
  }
  clock.advance(19_000);
  expect(sessions.count).toBe(1);
  clock.advance(3_000);
  await until(() => sessions.count === 0);
  client.close();
});

test("a client may say much more at once than frames may wait: it is read as they are handled", async () => {
  const { port, application, environment } = await listen();
  application.onSend = async () => {
    await turn();
    return undefined;
  };
  const count = 50 * environment.limits.pendingFrames;
  const client = await TcpClient.open(port);
  const sends = Array.from(
    { length: count },
    (_, n) => `SEND\ndestination:/app/x\nreceipt:${n}\n\n\0`,
  );
  client.send(`${CONNECT}${sends.join("")}`);
  for (let n = 0; n < count; n += 1) {
    expect((await client.frame("RECEIPT")).header("receipt-id")).toBe(`${n}`);
  }
  expect(client.got("ERROR")).toEqual([]);
});

test("a client that is not read is not told that its heart-beats stay away", async () => {
  const { port, application, clock } = await listen();
  const { promise, resolve } = Promise.withResolvers<undefined>();
  application.onSend = () => promise;
  const client = await TcpClient.open(port);
  client.send("CONNECT\naccept-version:1.2\nlogin:alice\nheart-beat:1000,0\n\n\0");
  await client.frame("CONNECTED");
  client.send("SEND\ndestination:/app/x\nreceipt:r\n\n\0");
  await until(() => application.handled.some((entry) => entry.startsWith("/app/x")));
  clock.advance(60_000);
  resolve(undefined);
  await client.frame("RECEIPT");
  clock.advance(60_000);
  expect((await client.frame("ERROR")).header("code")).toBe("HEARTBEAT_TIMEOUT");
});

test("DISCONNECT is answered before the end", async () => {
  const { port } = await listen();
  const client = await TcpClient.connect(port, "alice");
  client.send("DISCONNECT\nreceipt:bye\n\n\0");
  expect((await client.frame("RECEIPT")).header("receipt-id")).toBe("bye");
  await client.closed;
});

// A web page can make a browser send this to any port of its own machine.
test("an HTTP request is refused, with whatever frames are hidden in it", async () => {
  const { port, application } = await listen();
  const client = await TcpClient.open(port);
  const body = `${CONNECT}SEND\ndestination:/app/x\n\nhidden\0`;
  client.send(
    `POST / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  await client.frame("ERROR");
  await client.closed;
  expect(client.frames).toHaveLength(1);
  expect(application.handled).toEqual([]);
});

test("a stop tells every client, refuses new ones, and is over when all are gone", async () => {
  const { port, endpoint, sessions } = await listen();
  const clients = [await TcpClient.connect(port, "a"), await TcpClient.open(port)];
  await until(() => sessions.count === 2);
  const gone = endpoint.stop();
  await sessions.stop();
  for (const client of clients) {
    expect((await client.frame("ERROR")).header("code")).toBe("SHUTTING_DOWN");
    await client.closed;
  }
  await gone;
  expect(sessions.count).toBe(0);
  await expect(TcpClient.open(port)).rejects.toThrow();
});

test("a taken port is refused", async () => {
  const { endpoint, sessions, admission, environment, clock } = await listen();
  const second = () =>
    new TcpEndpoint({
      ...{ environment, sessions, admission, clock, tls: null, log: silentLog },
      ...{ hostname: "127.0.0.1", port: endpoint.port, isShared: false },
      ...{ sendBufferBytes: 1, lingerMs: 1 },
    });
  expect(second).toThrow("Failed to listen");
});

test("TLS: frames both ways, and the end in order", async () => {
  const { port, application } = await listen({ tls: true });
  const client = await TcpClient.connect(port, "alice", { tls: true });
  const content = "x".repeat(3_000);
  client.send(`SEND\ndestination:/app/x\nreceipt:r\n\n${content}\0`);
  await client.frame("RECEIPT");
  expect(application.handled).toContain(`/app/x ${content}`);
  client.send("DISCONNECT\nreceipt:bye\n\n\0");
  await client.frame("RECEIPT");
  await client.closed;
});

test("TLS: a handshake that does not come, or fails, takes no longer than a CONNECT", async () => {
  const { port, clock, sessions } = await listen({ tls: true });
  const silent = await TcpClient.open(port, { keepsOpen: true });
  await until(() => sessions.count === 1);
  const plain = await TcpClient.open(port);
  plain.send(CONNECT);
  await plain.closed;
  await until(() => sessions.count === 1);
  clock.advance(CONNECT_MS + LINGER_MS + 1_000);
  await silent.closed;
  await until(() => sessions.count === 0);
  expect([silent, plain].flatMap((client) => client.frames)).toEqual([]);
});

/** The other end of the loopback notices a little later. */
async function until(isReached: () => boolean): Promise<void> {
  while (!isReached()) await turn();
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
