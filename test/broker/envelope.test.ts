import { expect, test } from "bun:test";
import fc from "fast-check";
import { decodeEnvelope, type Envelope, encodeEnvelope } from "../../src/broker/envelope.ts";

const wellFormed = (text: string) => text.isWellFormed();
const text = fc
  .oneof(fc.string({ unit: "binary", maxLength: 40 }), fc.string({ unit: "grapheme" }))
  .filter((some) => wellFormed(some) && !some.includes("\0"));
const headers = fc.array(fc.tuple(text, text), { maxLength: 200 }).map((pairs) => pairs.flat());
const body = fc.oneof(
  fc.uint8Array({ maxLength: 400 }),
  fc.string({ unit: "binary", maxLength: 200 }).filter(wellFormed),
);
const envelopes: fc.Arbitrary<Envelope> = fc.record({
  ...{ destination: text, messageId: text, headers, body },
});

test("what was encoded is decoded as it was", () => {
  fc.assert(
    fc.property(envelopes, (envelope) => {
      const decoded = decodeEnvelope(encodeEnvelope(envelope));
      expect(decoded).toEqual(envelope);
      expect(typeof decoded?.body).toBe(typeof envelope.body);
    }),
  );
});

test("long texts, and many headers, are no exception", () => {
  const long = "ü".repeat(100_000);
  const many = Array.from({ length: 1_000 }, (_, index) => `${index}`);
  const envelope = { destination: long, messageId: long, headers: many, body: long };
  expect(decodeEnvelope(encodeEnvelope(envelope))).toEqual(envelope);
});

test("it adds few bytes to what it carries", () => {
  const parts = ["/topic/prices", "k3j2a9x0-1f", "content-type", "application/json", "{}"];
  const [destination = "", messageId = "", name = "", value = "", content = ""] = parts;
  const envelope = { destination, messageId, headers: [name, value], body: content };
  expect(encodeEnvelope(envelope).length).toBe(parts.join("").length + 7);
});

test("what is cut off within its texts is none", () => {
  const whole = encodeEnvelope({
    ...{ destination: "/topic/x", messageId: "m-1", headers: ["a", "b"], body: "" },
  });
  for (let length = 0; length < whole.length; length += 1) {
    expect(decodeEnvelope(whole.subarray(0, length))).toBeNull();
  }
});

test.each([
  ["another version", [2, 1, 1, 97, 1, 97, 0]],
  ["unknown flags", [1, 2, 1, 97, 1, 97, 0]],
  ["a text that is no UTF-8", [1, 1, 1, 0xff, 1, 97, 0]],
  ["a body that is no UTF-8 and says it is text", [1, 1, 1, 97, 1, 97, 0, 0xff]],
  ["a NUL in a header", [1, 1, 1, 97, 1, 97, 1, 1, 0, 1, 97]],
  ["a number in more bytes than it needs", [1, 1, 0x81, 0, 97, 1, 97, 0]],
  ["a number without an end", [1, 1, 0xff, 0xff, 0xff, 0xff, 0xff]],
  ["more headers than there are", [1, 1, 1, 97, 1, 97, 0xff, 0xff, 0x7f]],
  ["more headers than there may be", [1, 1, 1, 97, 1, 97, 0x80, 0xf8, 1]],
])("%s is none", (_, bytes) => {
  expect(decodeEnvelope(Uint8Array.from(bytes))).toBeNull();
});

test("whatever comes, it is an envelope that encodes to the same bytes, or none", () => {
  const damaged = fc
    .tuple(envelopes, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }))
    .map(([envelope, changes]) => {
      const bytes = Uint8Array.from(encodeEnvelope(envelope));
      for (const [at, octet] of changes) bytes[at % bytes.length] = octet;
      return bytes;
    });
  const beginning = fc.uint8Array({ maxLength: 60 }).map((rest) => Uint8Array.of(1, 1, ...rest));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), beginning, damaged), (bytes) => {
      const envelope = decodeEnvelope(bytes);
      if (envelope === null) return;
      expect(Buffer.from(encodeEnvelope(envelope)).equals(bytes)).toBe(true);
    }),
    { numRuns: 5_000 },
  );
});
