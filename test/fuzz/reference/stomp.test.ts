import { expect, test } from "bun:test";
import fc from "fast-check";
import { comparable, feed } from "../../stomp/feed.ts";
import { GOOD_VECTORS, MALFORMED_VECTORS, type Rules, VECTOR_LIMITS } from "../../stomp/vectors.ts";
import { readFrame } from "./stomp.ts";

const LIMITS = {
  frameBytes: VECTOR_LIMITS.maxFrameBytes,
  headers: VECTOR_LIMITS.maxHeaders,
  headerLineBytes: VECTOR_LIMITS.maxHeaderLineBytes,
};

function readAll(wire: string | Uint8Array, rules: Rules) {
  const frames = [];
  let rest = Buffer.from(wire);
  for (;;) {
    const reading = readFrame(rest, rules, LIMITS);
    if (reading.kind !== "frame") {
      return { frames, error: reading.kind === "refused" ? reading.code : null };
    }
    const { command, headers, body } = reading.frame;
    frames.push(comparable({ command, headers: headers.flat(), body }));
    rest = Buffer.from(reading.rest);
  }
}

for (const { name, versions, wire, frames } of GOOD_VECTORS) {
  test(`the reference reads ${name}`, () => {
    for (const rules of versions) {
      expect(readAll(wire, rules)).toEqual({ frames: frames.map(comparable), error: null });
    }
  });
}

for (const { name, versions, wire, error } of MALFORMED_VECTORS) {
  test(`the reference refuses ${name}`, () => {
    for (const rules of versions) expect(readAll(wire, rules).error).toBe(error);
  });
}

test("reference and decoder agree on vectors with octets changed", () => {
  const wires = [...GOOD_VECTORS, ...MALFORMED_VECTORS].map(({ wire }) => Buffer.from(wire));
  const octet = fc.oneof(fc.constantFrom(0, 10, 13, 32, 48, 58, 92, 110, 255), fc.nat(255));
  const change = fc.record({ at: fc.nat(200), octet });
  const property = fc.property(
    fc.constantFrom<Rules>(null, "1.0", "1.1", "1.2"),
    fc.constantFrom(...wires),
    fc.array(change, { maxLength: 3 }),
    (rules, wire, changes) => {
      const changed = Buffer.from(wire);
      for (const { at, octet: to } of changes) changed[at % changed.length] = to;
      const expected = readAll(changed, rules);
      const outcome = feed(rules, [changed]);
      expect(outcome.frames).toEqual(expected.frames);
      expect(outcome.error === null).toBe(expected.error === null);
    },
  );
  fc.assert(property, { numRuns: 20_000 });
});
