import { expect, test } from "bun:test";
import {
  channelOf,
  decodeMessage,
  encodeFrame,
  encodeMessage,
  FrameReader,
  KIND,
  kindOf,
  nameOf,
  numberOf,
} from "../../src/backplane/hub-frame.ts";

const NAME = "/topic/Grüße *?[]\\^";

test("a message keeps its channel, its origin and its bytes", () => {
  const payload = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  const frame = encodeMessage(Buffer.from("node-1"), NAME, payload);
  expect(kindOf(frame)).toBe(KIND.message);
  expect(channelOf(frame)).toBe(NAME);
  const { origin, channel, payload: bytes } = decodeMessage(frame);
  expect({ origin, channel, bytes: [...bytes] }).toEqual({
    ...{ origin: "node-1", channel: NAME, bytes: [...payload] },
  });
});

test("a subscription keeps its number and its name", () => {
  const frame = encodeFrame(KIND.subscribe, 2 ** 32 - 1, NAME);
  expect([kindOf(frame), numberOf(frame), nameOf(frame)]).toEqual([
    ...[KIND.subscribe, 2 ** 32 - 1, NAME],
  ]);
});

test("frames are the same wherever the stream is cut", () => {
  const frames = [
    encodeFrame(KIND.subscribe, 7, NAME),
    encodeFrame(KIND.sync, 0, ""),
    encodeMessage(Buffer.from("a"), NAME, Buffer.alloc(300, "x")),
    encodeMessage(Buffer.from("b"), "", new Uint8Array()),
  ];
  const stream = Buffer.concat(frames);
  for (let size = 1; size <= stream.length; size += 1) {
    const reader = new FrameReader();
    const read: Buffer[] = [];
    for (let at = 0; at < stream.length; at += size) {
      reader.push(stream.subarray(at, at + size), (frame) => read.push(frame));
    }
    expect(read.map(String)).toEqual(frames.map(String));
  }
});
