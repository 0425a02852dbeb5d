import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  BINARY,
  CLOSE,
  CONTINUATION,
  type FrameParts,
  PING,
  PONG,
  TEXT,
  webSocketFrame,
} from "../fuzz/carriers/websocket-frames.ts";
import { Random } from "../fuzz/random.ts";
import { connectionsOf } from "../support/connections.ts";
import { RawSocket } from "../support/raw-socket.ts";
import { WitnessedServer } from "../support/witnessed-server.ts";

let scene: WitnessedServer;

beforeAll(async () => {
  scene = await WitnessedServer.start();
});

afterAll(() => scene.stop());

const random = new Random(1);
const frame = (parts: FrameParts) => webSocketFrame(parts, random);
const octets = (...values: number[]) => Uint8Array.from(values);
const text = (payload: string) => frame({ opcode: TEXT, payload: Buffer.from(payload) });

const CONNECT = "CONNECT\naccept-version:1.2\nX-User-Id:mallory\n\n\0";
const SEND = "SEND\ndestination:/topic/a\nreceipt:told\n\n\0";
const payload = Buffer.from(SEND);
const half = { opcode: TEXT, payload: payload.subarray(0, 9), isFinal: false };

async function connect(path?: string): Promise<RawSocket> {
  const raw = await RawSocket.upgrade(scene.port, path);
  const isSockJs = path !== undefined;
  raw.write(text(isSockJs ? JSON.stringify([CONNECT]) : CONNECT));
  await raw.until("CONNECTED");
  return raw;
}

describe("breaks the WebSocket protocol, and is closed unheard", () => {
  const cases: [name: string, ...frames: Buffer[]][] = [
    ["the first reserved bit", frame({ opcode: TEXT, payload, reserved: 4 })],
    ["the last reserved bit", frame({ opcode: TEXT, payload, reserved: 1 })],
    ["an opcode of data that nobody defined", frame({ opcode: 3, payload })],
    ["an opcode of control that nobody defined", frame({ opcode: 15, payload })],
    ["a frame without a mask", frame({ opcode: TEXT, payload, isMasked: false })],
    ["a ping of 126 octets", frame({ opcode: PING, payload: Buffer.alloc(126) })],
    ["a pong of 64 KiB", frame({ opcode: PONG, payload: Buffer.alloc(65_536) })],
    ["a ping in parts", frame({ opcode: PING, isFinal: false })],
    ["a close in parts", frame({ opcode: CLOSE, isFinal: false })],
    ["the end of a message that did not begin", frame({ opcode: CONTINUATION, payload })],
    ["a message within a message", frame(half), frame({ opcode: TEXT, payload })],
    ["bytes within a text", frame(half), frame({ opcode: BINARY, payload })],
    ["a text that is not UTF-8", frame({ opcode: TEXT, payload: octets(0xc3, 0x28) })],
    ["a surrogate in UTF-8", frame({ opcode: TEXT, payload: octets(0xed, 0xa0, 0x80) })],
    ["UTF-8 that is longer than it need be", frame({ opcode: TEXT, payload: octets(0xc0, 0x8a) })],
    ["a text that ends in a character", frame({ opcode: TEXT, payload: octets(0xe2, 0x82) })],
    ["a length of 2^62", frame({ opcode: TEXT, payload, length: 2 ** 62 })],
    ["a length of 4 GiB", frame({ opcode: BINARY, payload, length: 2 ** 32 })],
    ["a negative length", Buffer.from("81ffffffffffffffffff00000000", "hex")],
    ["a message over a MiB", frame({ opcode: BINARY, payload: Buffer.alloc(1_048_577) })],
    [
      "parts that are over a MiB together",
      frame({ opcode: BINARY, payload: Buffer.alloc(600_000), isFinal: false }),
      frame({ opcode: CONTINUATION, payload: Buffer.alloc(600_000) }),
    ],
    ["a close of one octet", frame({ opcode: CLOSE, payload: octets(3) })],
    ["a close code that may not be sent", frame({ opcode: CLOSE, payload: octets(3, 237) })],
    ["a close code below all", frame({ opcode: CLOSE, payload: octets(0, 1) })],
    ["a reason that is not UTF-8", frame({ opcode: CLOSE, payload: octets(3, 232, 255) })],
    ["a second handshake", Buffer.from("GET /ws HTTP/1.1\r\nHost: x\r\n\r\n")],
  ];
  test.each(cases)("%s", async (_name, ...frames) => {
    const raw = await connect();
    raw.write(Buffer.concat([...frames, text(SEND)]));
    await raw.closed;
    expect(raw.text).not.toContain("RECEIPT");
    await scene.expectUnharmed();
  });

  test("a good-bye, and nothing behind it is heard", async () => {
    const raw = await connect();
    raw.write(Buffer.concat([frame({ opcode: CLOSE, payload: octets(3, 232) }), text(SEND)]));
    await raw.closed;
    expect(raw.text).not.toContain("RECEIPT");
  });
});

describe("is unusual, and right", () => {
  const cases: [name: string, ...frames: Buffer[]][] = [
    [
      "a frame of STOMP in parts",
      frame(half),
      frame({ opcode: CONTINUATION, payload: payload.subarray(9) }),
    ],
    [
      "pings between the parts",
      frame(half),
      frame({ opcode: PING, payload: Buffer.alloc(125) }),
      frame({ opcode: CONTINUATION, payload: payload.subarray(9) }),
    ],
    [
      "parts of nothing",
      frame({ ...half, payload: Buffer.alloc(0) }),
      frame({ opcode: CONTINUATION, isFinal: false }),
      frame({ opcode: CONTINUATION, payload }),
    ],
    ["a length in eight octets", frame({ opcode: TEXT, payload, lengthOctets: 8 })],
    ["messages of nothing", frame({ opcode: TEXT }), frame({ opcode: BINARY }), text(SEND)],
    ["a pong that nobody asked for", frame({ opcode: PONG, payload: octets(1) }), text(SEND)],
    [
      "a thousand pings at once",
      Buffer.concat(Array.from({ length: 1_000 }, () => frame({ opcode: PING }))),
      text(SEND),
    ],
    ["a character in two frames", ...halfCharacter(), text(SEND)],
  ];
  test.each(cases)("%s", async (_name, ...frames) => {
    const raw = await connect();
    raw.write(Buffer.concat(frames));
    await raw.until("receipt-id:told");
    raw.end();
    await scene.expectUnharmed();
  });

  function halfCharacter(): Buffer[] {
    const euro = Buffer.from("SEND\ndestination:/topic/a\n\n€\0");
    const first = { opcode: TEXT, payload: euro.subarray(0, -2), isFinal: false };
    return [frame(first), frame({ opcode: CONTINUATION, payload: euro.subarray(-2) })];
  }

  test("a frame octet by octet on the wire", async () => {
    const raw = await connect();
    for (const octet of text(SEND)) raw.write(octets(octet));
    await raw.until("receipt-id:told");
    raw.end();
  });
});

describe("is no message of SockJS, and gets an ERROR and a close frame", () => {
  const cases: [name: string, message: string][] = [
    ["no JSON", "hello"],
    ["a frame of STOMP as it is", SEND],
    ["half an array", `[${JSON.stringify(SEND)}`],
    ["an array in an array", `[[${JSON.stringify(SEND)}]]`],
    ["a number beside a string", `[${JSON.stringify(SEND)},1]`],
    ["null", "null"],
    ["an object", `{"0":${JSON.stringify(SEND)},"length":1}`],
    ["an escape that JSON has not", '["\\x00"]'],
    ["arrays as deep as a message allows", "[".repeat(100_000)],
    ["a server's frame", `a[${JSON.stringify(SEND)}]`],
  ];
  test.each(cases)("%s", async (_name, message) => {
    const raw = await connect("/ws/000/hostile/websocket");
    raw.write(Buffer.concat([text(message), text(JSON.stringify([SEND]))]));
    await raw.closed;
    expect(raw.text).toContain("MALFORMED_FRAME");
    expect(raw.text).toContain("c[1002,");
    expect(raw.text).not.toContain("RECEIPT");
    await scene.expectUnharmed();
  });

  const good: [name: string, messages: string[]][] = [
    ["nothing, an empty array, an empty text", ["", "[]", '[""]', JSON.stringify([SEND])]],
    ["one string without an array", [JSON.stringify(SEND)]],
    [
      "a pair of surrogates in two texts",
      [JSON.stringify([`${SEND.slice(0, -1)}\ud83d`, "\ude00\0"])],
    ],
    ["half a pair", [JSON.stringify([`${SEND.slice(0, -1)}\ud83d\0`])]],
  ];
  test.each(good)("but %s is one", async (_name, messages) => {
    const raw = await connect("/ws/000/hostile/websocket");
    raw.write(Buffer.concat(messages.map((message) => text(message))));
    await raw.until("receipt-id:told");
    raw.end();
  });
});

test("connections that end in the middle of anything are forgotten", async () => {
  const pieces = [text(CONNECT), text(SEND), frame(half)].map((bytes) => [...bytes]);
  const octetsOfAll = Buffer.from(pieces.flat());
  for (let end = 1; end < octetsOfAll.length; end += 3) {
    const raw = await RawSocket.upgrade(scene.port);
    raw.write(octetsOfAll.subarray(0, end));
    raw.end();
  }
  while ((await connectionsOf(scene.server)) !== 1) await scene.expectUnharmed();
});
