import { expect, test } from "bun:test";
import {
  brokenWebSocket,
  CONTINUATION,
  PING,
  TEXT,
  webSocketFrame,
  webSocketMessage,
} from "../carriers/websocket-frames.ts";
import { Random } from "../random.ts";
import { WebSocketReference } from "./websocket.ts";

const random = new Random(1);
const payload = Buffer.from("é€😀");

function read(bytes: Buffer, size = bytes.length): string[] {
  const reference = new WebSocketReference(1_000);
  const events = [];
  for (let at = 0; at < bytes.length; at += size) {
    events.push(...reference.push(bytes.subarray(at, at + size)));
  }
  return events.map((event) => (event.kind === "message" ? event.bytes.toString() : event.kind));
}

test("messages come out as they went in, in any parts", () => {
  for (let round = 0; round < 200; round += 1) {
    const bytes = Buffer.concat(webSocketMessage(payload, true, random));
    expect(read(bytes).filter((event) => event !== "ping")).toEqual([payload.toString()]);
    expect(read(bytes, 1)).toEqual(read(bytes));
  }
});

test("what the protocol forbids ends it, and nothing comes after", () => {
  const good = webSocketFrame({ opcode: TEXT, payload }, random);
  const bad = [
    webSocketFrame({ opcode: TEXT, payload, reserved: 1 }, random),
    webSocketFrame({ opcode: 3, payload }, random),
    webSocketFrame({ opcode: TEXT, payload, isMasked: false }, random),
    webSocketFrame({ opcode: PING, payload: Buffer.alloc(126) }, random),
    webSocketFrame({ opcode: CONTINUATION, payload }, random),
    webSocketFrame({ opcode: TEXT, payload: Buffer.of(0xff) }, random),
    webSocketFrame({ opcode: TEXT, payload: Buffer.alloc(1_001) }, random),
  ];
  for (const frame of bad) expect(read(Buffer.concat([frame, good]))).toEqual(["violation"]);
});

test("garbage never makes it fail", () => {
  for (let round = 0; round < 500; round += 1)
    read(Buffer.concat(brokenWebSocket(payload, random)));
});
