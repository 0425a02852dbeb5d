import { expect, test } from "bun:test";
import fc from "fast-check";
import { decodeNodeFrame, NodeFrames } from "../../src/backplane/node-frame.ts";

test("a payload comes back with the node's mark and the next number", () => {
  const frames = new NodeFrames("node-1");
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (payload) => {
      const [first, second] = [frames.encode(payload), frames.encode(payload)].map(decodeNodeFrame);
      expect(first).toMatchObject({ run: frames.run, nodeId: "node-1" });
      expect(Buffer.from(payload).equals(first?.payload ?? Buffer.from("?"))).toBe(true);
      expect(second?.number).toBe(((first?.number ?? 0) + 1) >>> 0);
    }),
  );
});

test("two runs of one node differ", () => {
  expect(new NodeFrames("a").run).not.toBe(new NodeFrames("a").run);
});

test("whatever comes is a frame or none", () => {
  const whole = new NodeFrames("a").encode(Buffer.from("x"));
  for (let length = 0; length < whole.length - 1; length += 1) {
    expect(decodeNodeFrame(whole.subarray(0, length))).toBeNull();
  }
  const noId = Buffer.from(whole);
  noId[13] = 0;
  const other = Buffer.from(whole);
  other[0] = 9;
  const noText = Buffer.from(whole);
  noText[14] = 0xff;
  for (const bytes of [noId, other, noText]) expect(decodeNodeFrame(bytes)).toBeNull();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      decodeNodeFrame(Buffer.from(bytes));
    }),
    { numRuns: 2_000 },
  );
});
