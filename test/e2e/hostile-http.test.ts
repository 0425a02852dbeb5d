import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { RawSocket } from "../support/raw-socket.ts";
import { WitnessedServer } from "../support/witnessed-server.ts";

let scene: WitnessedServer;

beforeAll(async () => {
  scene = await WitnessedServer.start();
});

afterAll(() => scene.stop());

const KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
const UPGRADE = ["Upgrade: websocket", "Connection: Upgrade"];
const HANDSHAKE = [...UPGRADE, "Sec-WebSocket-Version: 13", KEY];

interface Ask {
  readonly line?: string;
  readonly headers?: readonly string[];
  readonly body?: string;
}

/** One request, as its octets; with `Host` unless it has one. */
async function ask({ line = "GET /ws/info HTTP/1.1", headers = [], body = "" }: Ask) {
  const raw = await RawSocket.open(scene.port);
  const hasHost = headers.some((header) => header.startsWith("Host"));
  const host = hasHost ? [] : [`Host: 127.0.0.1:${scene.port}`];
  raw.write(Buffer.from(`${[line, ...host, ...headers].join("\r\n")}\r\n\r\n${body}`, "latin1"));
  await raw.answered();
  return raw;
}

const CHUNKED = "Transfer-Encoding: chunked";
const POST = "POST /ws/info HTTP/1.1";
const SMUGGLED = "0\r\n\r\nGET /api/smuggled HTTP/1.1\r\nHost: x\r\n\r\n";

describe("a request that is none is refused, and its connection closed", () => {
  const cases: [name: string, ask: Ask][] = [
    ["headers of 200 KB", { headers: [`X: ${"y".repeat(200_000)}`] }],
    ["5,000 headers", { headers: Array<string>(5_000).fill("X: y") }],
    ["a URL of 100 KB", { line: `GET /${"a".repeat(100_000)} HTTP/1.1` }],
    ["a NUL in the URL", { line: "GET /ws\0 HTTP/1.1" }],
    ["a NUL in a header", { headers: ["X: a\0b"] }],
    ["a CR in a header", { headers: ["Origin: http://a\rSet-Cookie: x"] }],
    ["a header that goes on in the next line", { headers: ["X: a", " b"] }],
    ["a space before the colon", { headers: ["Transfer-Encoding : chunked"] }],
    ["another protocol", { line: "GET /ws HTTP/9.9" }],
    ["HTTP/2 without having agreed on it", { line: "PRI * HTTP/2.0" }],
    ["bytes", { line: "\x16\x03\x01\x02\x00\x01\xfc\x03\xff" }],
    [
      "content-length and transfer-encoding",
      { line: POST, headers: ["Content-Length: 5", CHUNKED], body: SMUGGLED },
    ],
    [
      "transfer-encoding and content-length",
      { line: POST, headers: [CHUNKED, "Content-Length: 5"], body: SMUGGLED },
    ],
    [
      "two content-lengths",
      { line: POST, headers: ["Content-Length: 5", "Content-Length: 6"], body: "hello!" },
    ],
    ["a negative content-length", { line: POST, headers: ["Content-Length: -5"], body: "hello" }],
    [
      "a content-length with a sign",
      { line: POST, headers: ["Content-Length: +5"], body: "hello" },
    ],
    ["a content-length beyond all", { line: POST, headers: [`Content-Length: ${"9".repeat(30)}`] }],
    [
      "an unknown transfer-encoding",
      { line: POST, headers: ["Transfer-Encoding: xchunked"], body: SMUGGLED },
    ],
    [
      "two transfer-encodings",
      { line: POST, headers: ["Transfer-Encoding: identity", CHUNKED], body: SMUGGLED },
    ],
    ["chunks without a length", { line: POST, headers: [CHUNKED], body: "zz\r\nhello\r\n" }],
    [
      "a chunk beyond all",
      { line: POST, headers: [CHUNKED], body: `${"f".repeat(18)}\r\nhello\r\n` },
    ],
    [
      "another WebSocket version",
      { line: "GET /ws HTTP/1.1", headers: [...UPGRADE, KEY, "Sec-WebSocket-Version: 12"] },
    ],
    ["no WebSocket version", { line: "GET /ws HTTP/1.1", headers: [...UPGRADE, KEY] }],
  ];
  test.each(cases)("%s", async (_name, request) => {
    const raw = await ask(request);
    await raw.closed;
    expect(raw.text).not.toContain("smuggled");
    expect(raw.text).toMatch(/HTTP\/1\.1 (4\d\d|505) /);
    await scene.expectUnharmed();
  });
});

describe("a request for what is not there is refused", () => {
  const socket = (path: string): Ask => ({ line: `GET ${path} HTTP/1.1`, headers: HANDSHAKE });
  const cases: [name: string, status: number, ask: Ask][] = [
    ["a path above the root", 404, { line: "GET /ws/../../etc/passwd HTTP/1.1" }],
    ["a path out of SockJS into the API", 401, { line: "GET /ws/../api/conversations HTTP/1.1" }],
    ["the same, encoded", 401, { line: "GET /ws/%2e%2e/api/conversations HTTP/1.1" }],
    ["an encoded slash", 404, { line: "GET /ws%2finfo HTTP/1.1" }],
    ["an encoded NUL", 404, { line: "GET /ws%00 HTTP/1.1" }],
    ["a path of two slashes", 404, { line: "GET //ws HTTP/1.1" }],
    ["a path like a host", 404, { line: "GET //evil.example/ws HTTP/1.1" }],
    ["a tunnel", 404, { line: "CONNECT evil.example:80 HTTP/1.1" }],
    ["everything", 400, { line: "OPTIONS * HTTP/1.1" }],
    ["a Host of several words", 400, { headers: ["Host: a b c"] }],
    ["half a Host", 400, { headers: ["Host: [::1"] }],
    ["no Host", 400, { headers: ["Hostess: x"], line: "GET /ws/info HTTP/1.1" }],
    [
      "a conversation of dots",
      422,
      { line: "GET /api/conversations/..%2f..%2f/messages HTTP/1.1", headers: ["X-User-Id: a"] },
    ],
    [
      "a broken escape",
      404,
      { line: "GET /api/conversations/%zz/messages HTTP/1.1", headers: ["X-User-Id: a"] },
    ],
    [
      "an escape that is not UTF-8",
      404,
      { line: "GET /api/conversations/%ff/messages HTTP/1.1", headers: ["X-User-Id: a"] },
    ],
    [
      "a limit beyond all",
      422,
      { line: "GET /api/conversations?limit=1e999 HTTP/1.1", headers: ["X-User-Id: a"] },
    ],
    [
      "presence of too many",
      422,
      { line: `GET /api/presence?users=${"a,".repeat(400)} HTTP/1.1`, headers: ["X-User-Id: a"] },
    ],
    [
      "a user with a tab",
      401,
      { line: "GET /api/conversations HTTP/1.1", headers: ["X-User-Id: a\tb"] },
    ],
    ["part of every object", 404, { line: "GET /__proto__ HTTP/1.1" }],
    ["a transport like part of every object", 404, socket("/ws/a/b/constructor")],
    ["an unknown transport", 404, socket("/ws/a/b/carrier-pigeon")],
    ["a transport in capitals", 404, socket("/ws/a/b/WEBSOCKET")],
    ["a transport and a slash", 404, socket("/ws/a/b/websocket/")],
    ["a SockJS session of dots", 404, socket("/ws/a/../b/websocket")],
    ["a SockJS server with a dot", 404, socket("/ws/a.b/c/websocket")],
    ["an empty SockJS server", 404, socket("/ws//c/websocket")],
    ["an empty SockJS session", 404, socket("/ws/c//websocket")],
    ["an encoded slash before the transport", 404, socket("/ws/a/b%2fwebsocket")],
    [
      "a handshake without a key",
      400,
      { line: "GET /ws HTTP/1.1", headers: [...UPGRADE, "Sec-WebSocket-Version: 13"] },
    ],
    [
      "a handshake with half a key",
      400,
      {
        line: "GET /ws HTTP/1.1",
        headers: [...UPGRADE, "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: x"],
      },
    ],
    ["a handshake by POST", 405, { line: "POST /ws HTTP/1.1", headers: HANDSHAKE }],
    ["a SockJS session of 129 letters", 404, socket(`/ws/a/${"b".repeat(129)}/websocket`)],
    ["info by DELETE", 405, { line: "DELETE /ws/info HTTP/1.1" }],
    [
      "a handshake without Connection",
      400,
      {
        line: "GET /ws HTTP/1.1",
        headers: ["Upgrade: websocket", "Sec-WebSocket-Version: 13", KEY],
      },
    ],
    [
      "a subprotocol of 10 KB",
      400,
      {
        line: "GET /ws HTTP/1.1",
        headers: [...HANDSHAKE, `Sec-WebSocket-Protocol: ${"x".repeat(10_000)}`],
      },
    ],
  ];
  test.each(cases)("%s: %i", async (_name, status, request) => {
    const raw = await ask(request);
    expect(raw.status).toBe(status);
    raw.end();
    await scene.expectUnharmed();
  });
});

test("a second Host, or one in the URL, does not make the caller one of this machine", async () => {
  const headers = ["Host: 127.0.0.1", "Host: evil.example", "X-User-Id: witness"];
  const twice = await ask({ line: "GET /api/conversations HTTP/1.1", headers });
  expect([400, 401]).toContain(twice.status ?? 0);
  twice.end();
  const absolute = await ask({
    line: "GET http://127.0.0.1/api/conversations HTTP/1.1",
    headers: ["Host: evil.example", "X-User-Id: witness"],
  });
  expect(absolute.status).toBe(401);
  absolute.end();
});

test("an offer of thousands of subprotocols and extensions is answered with one, and with none", async () => {
  const raw = await ask({
    line: "GET /ws HTTP/1.1",
    headers: [
      ...[...HANDSHAKE, `Sec-WebSocket-Protocol: ${"x,".repeat(5_000)}v12.stomp`],
      `Sec-WebSocket-Extensions: ${"permessage-deflate, ".repeat(200)}x`,
    ],
  });
  expect(raw.status).toBe(101);
  expect(raw.text.toLowerCase()).toContain("sec-websocket-protocol: v12.stomp\r\n");
  expect(raw.text.toLowerCase()).not.toContain("sec-websocket-extensions");
  raw.end();
});

test("handshakes that never end are closed, and hold nobody up meanwhile", async () => {
  const slow = await Promise.all(Array.from({ length: 200 }, () => RawSocket.open(scene.port)));
  for (const raw of slow) raw.write("GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websock");
  await scene.expectUnharmed();
  const other = await RawSocket.upgrade(scene.port);
  other.end();
  await Promise.all(slow.map(({ closed }) => closed));
});
