import { expect, test } from "bun:test";
import fc from "fast-check";
import { encodeFrame } from "../../src/stomp/encoder.ts";
import type { Body } from "../../src/stomp/frame.ts";
import { type StompVersion, SUPPORTED_VERSIONS } from "../../src/stomp/version.ts";
import { comparable, cutAt, feed, type Outcome } from "./feed.ts";
import { GOOD_VECTORS, MALFORMED_VECTORS, type Rules } from "./vectors.ts";

const LIMITS = { maxFrameBytes: 1 << 20, maxHeaders: 64, maxHeaderLineBytes: 8192 };

const cuts = fc.array(fc.nat(400), { maxLength: 12 });
const rules = fc.constantFrom<Rules>(null, ...SUPPORTED_VERSIONS);

/** What a version can say; the rest is left out by the encoder, see its own test. */
const SAYABLE: Record<StompVersion, (name: string, value: string) => boolean> = {
  "1.0": (name, value) =>
    !/[\n\r\0]/.test(name + value) &&
    !name.includes(":") &&
    name.trim() === name &&
    value.trim() === value,
  "1.1": (name, value) => !/[\r\0]/.test(name + value),
  "1.2": (name, value) => !/\0/.test(name + value),
};

const characters = fc.oneof(
  fc.string({ unit: "binary", maxLength: 8 }),
  fc.string({
    unit: fc.constantFrom("\\", "n", "r", "c", ":", "\n", "\r", " ", "é"),
    maxLength: 8,
  }),
);

function headersOf(version: StompVersion): fc.Arbitrary<string[]> {
  return fc
    .array(
      fc
        .tuple(characters, characters)
        .filter(
          ([name, value]) =>
            name !== "" && name !== "content-length" && SAYABLE[version](name, value),
        ),
      { maxLength: 6 },
    )
    .map((pairs) => pairs.flat());
}

const text: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({ unit: fc.constantFrom("\0", "\n", "a", "é", "€", "😀"), maxLength: 60 }),
);
const bytes: fc.Arbitrary<Uint8Array> = fc.uint8Array({ maxLength: 60 });

function framesOf(version: StompVersion, body: fc.Arbitrary<Body>) {
  const withBody = fc.record({
    command: fc.constantFrom("SEND", "MESSAGE", "ERROR"),
    headers: headersOf(version),
    body,
  });
  const without = fc.record({
    command: fc.constantFrom("SUBSCRIBE", "ACK", "DISCONNECT", "RECEIPT"),
    headers: headersOf(version),
  });
  return fc.array(fc.oneof(withBody, without), { minLength: 1, maxLength: 5 });
}

for (const version of SUPPORTED_VERSIONS) {
  for (const [kind, body] of [
    ["text", text],
    ["bytes", bytes],
  ] as const) {
    test(`frames of ${version} come back as they were encoded, split anywhere (${kind})`, () => {
      const property = fc.property(framesOf(version, body), cuts, (frames, where) => {
        const wires = frames.map((frame) =>
          encodeFrame(version, frame.command, frame.headers, "body" in frame ? frame.body : ""),
        );
        const wire = kind === "text" ? wires.join("\n") : Buffer.concat(wires.map(asBytes));
        const { error, frames: decoded } = feed(version, cutAt(wire, where), LIMITS);
        expect(error).toBeNull();
        expect(decoded.map(withoutContentLength)).toEqual(frames.map(comparable));
      });
      fc.assert(property, { numRuns: 500 });
    });
  }
}

function asBytes(wire: string | Uint8Array): Uint8Array {
  return typeof wire === "string" ? Buffer.from(wire) : wire;
}

function withoutContentLength(frame: Outcome["frames"][number]) {
  const at = frame.headers.lastIndexOf("content-length");
  return at === -1 ? frame : { ...frame, headers: frame.headers.toSpliced(at, 2) };
}

/** Pieces that make nearly good frames more often than chance would. */
const fragments = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom("SEND\n", "ACK\n", "\n", "\n\n", "\0", "\r\n", ":") },
      {
        weight: 4,
        arbitrary: fc.constantFrom("content-length:", "1", "3", "12", "-", "999999999"),
      },
      { weight: 4, arbitrary: fc.constantFrom("a:b\n", "\\", "\\c", "\\r", "\r", " ", "\ufffd") },
      {
        weight: 2,
        arbitrary: fc.constantFrom("é", "€", "😀", "CONNECT\n", "accept-version:1.2\n"),
      },
      { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 20 }) },
    ),
    { maxLength: 20 },
  )
  // An end of line last: an unfinished one may be refused early, or only when it ends.
  .map((pieces) => `${pieces.join("")}\n`);

test("what comes of a text does not depend on its splits, nor on its being text or bytes", () => {
  const property = fc.property(rules, fragments, cuts, cuts, (version, wire, some, others) => {
    const whole = feed(version, [wire], LIMITS);
    expect(feed(version, cutAt(wire, some), LIMITS)).toEqual(whole);
    expect(feed(version, [Buffer.from(wire)], LIMITS)).toEqual(whole);
    expect(feed(version, cutAt(Buffer.from(wire), others), LIMITS)).toEqual(whole);
  });
  fc.assert(property, { numRuns: 5000 });
});

test("garbage is refused with an AppError or is frames, and never hangs", () => {
  const chunk = fc.oneof<fc.Arbitrary<Body>[]>(
    fc.uint8Array({ maxLength: 64 }),
    fragments,
    fragments.map((piece) => Buffer.from(piece)),
    // Whole UTF-16 space: halves of surrogate pairs too.
    fc.array(fc.nat(0xffff), { maxLength: 20 }).map((units) => String.fromCharCode(...units)),
  );
  const property = fc.property(rules, fc.array(chunk, { maxLength: 8 }), (version, chunks) => {
    feed(version, chunks, LIMITS); // Lets nothing but an AppError pass for an outcome.
  });
  fc.assert(property, { numRuns: 5000 });
});

test("vectors with an octet changed are refused with an AppError or are frames", () => {
  const wires = [...GOOD_VECTORS, ...MALFORMED_VECTORS].map((vector) => Buffer.from(vector.wire));
  const change = fc.record({ at: fc.nat(200), octet: fc.nat(255) });
  const property = fc.property(
    rules,
    fc.constantFrom(...wires),
    fc.array(change, { minLength: 1, maxLength: 3 }),
    cuts,
    (version, wire, changes, where) => {
      const changed = Buffer.from(wire);
      for (const { at, octet } of changes) changed[at % changed.length] = octet;
      feed(version, cutAt(changed, where));
    },
  );
  fc.assert(property, { numRuns: 5000 });
});
