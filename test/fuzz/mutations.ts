/** What makes a good frame a bad one, or nearly so. What must become of it the reference says. */
import { HIDDEN_HEADER, type PlannedFrame } from "./grammar.ts";
import type { Random } from "./random.ts";

const ODD_OCTETS = [0, 10, 13, 32, 58, 92, 9, 127, 128, 255];

const ODD_LINES = [
  ...["x:\\t", "x:\\r", "x:\\n", "x:\\c", "x:\\", "x:\\\\", "\\c:x", "\\t:x", "x:\\u0041"],
  ...["no colon", ":no name", "x:", " : ", "x:a:b", "x:a\rb", "x:\r", "\r", "x\0:y", "x:\ufeff"],
  ...["content-length\\r:1", "receipt\\c:1", "destination:/topic/b", "id:\\", "\ud800:x"],
];

/** Changes commands and headers before they are written. */
export function mutateFrame(frame: PlannedFrame, random: Random): void {
  const { headers } = frame;
  const at = random.below(headers.length + 1);
  const header = headers[at];
  random.pick<() => void>([
    () => {
      frame.command = random.pick([
        "send",
        "MESSAGE",
        "RECEIPT",
        "CONNECT",
        "SENDX",
        "",
        "S END",
        "ACK",
      ]);
    },
    () => {
      if (header !== undefined) headers.push([header[0], random.pick(["other", header[1], ""])]);
    },
    () => void headers.splice(at, 1),
    () =>
      void headers.splice(at, 0, ["x-huge", "h".repeat(random.pick([100, 8_180, 8_185, 9_000]))]),
    () => {
      const count = random.pick([60, 62, 64, 65, 200]);
      for (let n = 0; n < count; n += 1) headers.push([`x${n}`, "v"]);
    },
    () => {
      if (header !== undefined) header[1] = random.pick(["", " ", "x".repeat(300), "\u0000", "é"]);
    },
    () => {
      if (header !== undefined) header[0] = random.pick(["", " ", header[0].toUpperCase(), "é"]);
    },
    () => void headers.splice(at, 0, ["content-length", lyingLength(frame, random)]),
    () => void headers.splice(at, 0, ["transaction", random.pick(["t1", "", "nobody's"])]),
    () => void headers.splice(at, 0, ["ack", random.pick(["auto", "never", ""])]),
    () => {
      frame.body = Buffer.concat([
        frame.body,
        Buffer.from(random.pick(["body", "\n", "\0", "\xff"])),
      ]);
    },
    () => {
      frame.rawLines = [random.pick(ODD_LINES)];
    },
    () => {
      frame.eol = random.pick(["\n", "\r\n"]);
    },
  ])();
}

function lyingLength(frame: PlannedFrame, random: Random): string {
  const { length } = frame.body;
  return random.pick([
    ...["-1", "NaN", "1e3", "0x10", "", " 3", "٣", "99999999999999999999", "131072", "131073"],
    ...[
      String(length + 1),
      String(Math.max(0, length - 1)),
      `0${length}`,
      `${length} `,
      `+${length}`,
    ],
  ]);
}

/**
 * The grammar hides a header in values, which must never come out as one. A change that makes an
 * honest header of it, for all to pass on, would tell nothing.
 */
export function showsHiddenHeader(bytes: Buffer): boolean {
  return bytes.includes(`\n${HIDDEN_HEADER}`);
}

/** Changes octets of what was written; `other` is another good frame. */
export function mutateBytes(bytes: Buffer, other: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length + 1);
  const before = bytes.subarray(0, at);
  const after = bytes.subarray(at);
  const count = random.between(1, 12);
  return random.pick<() => Buffer>([
    () => {
      const flipped = Buffer.from(bytes);
      if (at < flipped.length) flipped[at] = (flipped[at] ?? 0) ^ (1 << random.below(8));
      return flipped;
    },
    () => Buffer.concat([before, Buffer.of(random.pick(ODD_OCTETS)), after]),
    () => Buffer.concat([before, Buffer.of(random.below(256)), after.subarray(1)]),
    () => Buffer.concat([before, after.subarray(count)]),
    () => before,
    () => Buffer.concat([bytes, bytes]),
    () => Buffer.concat([before, after.subarray(0, count), after]),
    () => Buffer.concat([before, other, after]),
    () => Buffer.concat([before, other.subarray(random.below(other.length + 1))]),
    () =>
      Buffer.concat([
        before,
        Buffer.from(random.pick(["\\t", "\\r", "\\", "\\c", "\r\n", "\n\n"])),
        after,
      ]),
    () =>
      Buffer.concat([
        Buffer.from(random.pick(["\n", "\r\n", "\0", "\ufeff", "GET / HTTP/1.1\r\n"])),
        bytes,
      ]),
    () => random.bytes(random.between(1, 80)),
  ])();
}
