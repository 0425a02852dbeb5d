import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { ProxiedClient } from "../support/proxied-client.ts";
import { RawHttp } from "../support/raw-http.ts";
import { RawSocket } from "../support/raw-socket.ts";
import { CERT_FILE, KEY_FILE } from "../support/tcp-client.ts";

const DRIP_EVERY_MS = 50;

let server: ParleyProcess;
let withTls: ParleyProcess;

beforeAll(async () => {
  const flags = [
    ...["--limits-connect-ms=1000", "--limits-request-ms=1000", "--limits-blocked-ms=1000"],
    "--tcp-port=0",
  ];
  const tls = [
    ...[`--tcp-cert-file=${CERT_FILE}`, `--tcp-key-file=${KEY_FILE}`],
    ...[`--tls-cert-file=${CERT_FILE}`, `--tls-key-file=${KEY_FILE}`],
  ];
  server = await startParley({ flags });
  withTls = await startParley({ flags: [...flags, ...tls] });
});

afterAll(async () => {
  for (const each of [server, withTls]) expect(await each.stop()).toBe(0);
});

/** Writes one piece now and then, and resolves when the server has closed. */
async function dripUntilClosed(raw: RawSocket, write: (n: number) => void): Promise<void> {
  let n = 0;
  const drip = setInterval(() => {
    write(n);
    n += 1;
  }, DRIP_EVERY_MS);
  await raw.closed;
  clearInterval(drip);
}

const HEAD = "GET /ws/info HTTP/1.1\r\nHost: a\r\nX-Filling: ";
const LONG = "Content-Length: 100000";
const CHUNKED = "Transfer-Encoding: chunked";
const CONNECT = "CONNECT\naccept-version:1.2\nX-User-Id:slow\nfilling:";

/** Begins to send something to a session that is there. */
async function upload(session: string, framing: string): Promise<RawSocket> {
  const opened = await fetch(`${server.url}/ws/000/${session}/xhr`, { method: "POST" });
  expect(await opened.text()).toBe("o\n");
  const raw = await RawSocket.open(server.port);
  raw.write(`POST /ws/000/${session}/xhr_send HTTP/1.1\r\nHost: 127.0.0.1\r\n${framing}\r\n\r\n`);
  return raw;
}

/** A test that never ends is one whose connection is never closed. */
describe.concurrent("a connection does not last for ever on which there comes", () => {
  test("nothing", async () => {
    await (await RawSocket.open(server.port)).closed;
  });

  test("the head of a request, byte by byte", async () => {
    const raw = await RawSocket.open(server.port);
    await dripUntilClosed(raw, (n) => raw.write(HEAD[n] ?? "x"));
    expect(raw.text).toBe("");
  });

  test("header after header", async () => {
    const raw = await RawSocket.open(server.port);
    raw.write("GET /ws/info HTTP/1.1\r\nHost: a\r\n");
    await dripUntilClosed(raw, (n) => raw.write(`X-${n}: y\r\n`));
  });

  test("the body of an upload, byte by byte", async () => {
    const raw = await upload("slow", LONG);
    await dripUntilClosed(raw, () => raw.write("x"));
    expect(raw.text).toBe("");
  });

  test("the body of an upload, in tiny chunks", async () => {
    const raw = await upload("chunked", CHUNKED);
    await dripUntilClosed(raw, () => raw.write("1\r\nx\r\n"));
    expect(raw.text).toBe("");
  });

  test("a second request, byte by byte", async () => {
    const raw = await RawSocket.open(server.port);
    raw.write("GET /ws/info HTTP/1.1\r\nHost: a\r\n\r\n");
    await raw.answered();
    await dripUntilClosed(raw, (n) => raw.write(HEAD[n] ?? "x"));
  });

  test.each(["xhr", "xhr_streaming"])(
    "a second request byte by byte, after %s, which may take its time",
    async (transport) => {
      const raw = await RawSocket.open(server.port);
      const head = `POST /ws/000/after-${transport}/${transport} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`;
      raw.write(head);
      await raw.until("o\n");
      // The stream ends when the session has had no CONNECT in time.
      if (transport === "xhr_streaming") await raw.until("0\r\n\r\n");
      await dripUntilClosed(raw, (n) => raw.write(HEAD[n] ?? "x"));
    },
  );

  test("a WebSocket, and no CONNECT", async () => {
    const client = await ProxiedClient.knock(server.port, null);
    await client.raw.until("CONNECT_TIMEOUT");
    await client.raw.closed;
  });

  test("CONNECT, a byte a message: the time counts from the opening", async () => {
    const client = await ProxiedClient.knock(server.port, null);
    await dripUntilClosed(client.raw, (n) => client.say(CONNECT[n] ?? "x"));
    expect(client.raw.text).toContain("CONNECT_TIMEOUT");
  });

  test("a WebSocket message, byte by byte", async () => {
    const client = await ProxiedClient.knock(server.port, null);
    client.raw.write(Buffer.from([0x81, 0xfe, 0x40, 0x00, 0, 0, 0, 0]));
    await dripUntilClosed(client.raw, () => client.raw.write("x"));
    expect(client.raw.text).toContain("CONNECT_TIMEOUT");
  });

  test("CONNECT over TCP, byte by byte", async () => {
    const raw = await RawSocket.open(server.tcpPort);
    await dripUntilClosed(raw, (n) => raw.write(CONNECT[n] ?? "x"));
    expect(raw.text).toContain("CONNECT_TIMEOUT");
  });

  test("no TLS handshake", async () => {
    await (await RawSocket.open(withTls.port)).closed;
  });

  test("a TLS handshake, byte by byte", async () => {
    const raw = await RawSocket.open(withTls.port);
    // The head of a record with a ClientHello of 512 octets.
    const hello = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03];
    await dripUntilClosed(raw, (n) => raw.write(Buffer.from([hello[n] ?? 0x20])));
  });

  test("no TLS handshake over TCP", async () => {
    await (await RawSocket.open(withTls.tcpPort)).closed;
  });
});

test("an upload that takes its time within the limit is taken", async () => {
  const http = await RawHttp.open(server.port);
  const open = await http.ask("POST", "/ws/000/in-time/xhr", { body: "" });
  expect(open.body).toBe("o\n");
  const raw = await RawSocket.open(server.port);
  const body = JSON.stringify(["CONNECT\naccept-version:1.2\nX-User-Id:u\n\n\0"]);
  raw.write(
    `POST /ws/000/in-time/xhr_send HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${body.length}\r\n\r\n`,
  );
  for (const byte of body) raw.write(byte);
  await raw.answered();
  expect(raw.status).toBe(204);
});
