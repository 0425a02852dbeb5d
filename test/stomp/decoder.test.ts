import { describe, expect, test } from "bun:test";
import { AppError } from "../../src/errors.ts";
import { Decoder } from "../../src/stomp/decoder.ts";
import type { Frame } from "../../src/stomp/frame.ts";
import { comparable, cutAt, feed, formsOf, unitByUnit } from "./feed.ts";
import { GOOD_VECTORS, MALFORMED_VECTORS, VECTOR_LIMITS } from "./vectors.ts";

const CASES = [
  ...GOOD_VECTORS.map((vector) => ({ ...vector, error: null })),
  ...MALFORMED_VECTORS.map((vector) => ({ ...vector, frames: null })),
].flatMap((vector) =>
  vector.versions.flatMap((version) =>
    formsOf(vector.wire).map(([form, wire]) => ({
      ...vector,
      version,
      wire,
      title: `${vector.name} (${version ?? "before CONNECT"}, ${form})`,
    })),
  ),
);

describe("the vectors", () => {
  test("have names of their own", () => {
    const names = [...GOOD_VECTORS, ...MALFORMED_VECTORS].map((vector) => vector.name);
    expect(new Set(names).size).toBe(names.length);
  });

  for (const { title, version, wire, frames, error } of CASES) {
    test(title, () => {
      const inputs = [[wire], unitByUnit(wire)];
      for (let cut = 0; cut <= wire.length; cut += 1) inputs.push(cutAt(wire, [cut]));
      for (const chunks of inputs) {
        const outcome = feed(version, chunks);
        expect(outcome.error).toBe(error);
        if (frames !== null) expect(outcome.frames).toEqual(frames.map(comparable));
      }
    });
  }
});

function decoderOf(version: Decoder["version"] = "1.2", limits = VECTOR_LIMITS): Decoder {
  const decoder = new Decoder(limits);
  decoder.version = version;
  return decoder;
}

function framesOf(decoder: Decoder, ...chunks: (string | Uint8Array)[]): Frame[] {
  const frames: Frame[] = [];
  for (const chunk of chunks) decoder.push(chunk, (frame) => frames.push(frame));
  return frames;
}

function codeOf(action: () => void): string {
  try {
    action();
  } catch (fault) {
    if (fault instanceof AppError) return fault.code;
    throw fault;
  }
  return "nothing";
}

describe("a decoder", () => {
  test("takes the version that onFrame sets for the next frame of the same chunk", () => {
    const decoder = decoderOf(null);
    const values: (string | undefined)[] = [];
    decoder.push("CONNECT\na:x\\cy\n\n\0SEND\na:x\\cy\n\n\0", (frame) => {
      values.push(frame.header("a"));
      decoder.version = "1.1";
    });
    expect(values).toEqual(["x\\cy", "x:y"]);
  });

  test("hands over what came before an error of the same chunk", () => {
    const commands: string[] = [];
    const push = () =>
      decoderOf().push("SEND\n\n\0garbage", (frame) => commands.push(frame.command));
    expect(codeOf(push)).toBe("MALFORMED_FRAME");
    expect(commands).toEqual(["SEND"]);
  });

  test("takes nothing more after an error", () => {
    const decoder = decoderOf();
    expect(codeOf(() => framesOf(decoder, "garbage"))).toBe("MALFORMED_FRAME");
    expect(framesOf(decoder, "SEND\n\n\0", "garbage")).toEqual([]);
  });

  test("takes nothing more after onFrame throws", () => {
    const decoder = decoderOf();
    const fail = () => {
      throw new AppError("UNKNOWN_COMMAND", "unknown");
    };
    expect(codeOf(() => decoder.push("SEND\n\n\0", fail))).toBe("UNKNOWN_COMMAND");
    expect(framesOf(decoder, "SEND\n\n\0")).toEqual([]);
  });

  test("takes nothing more after stop, of the same chunk either", () => {
    const decoder = decoderOf();
    const commands: string[] = [];
    const stopAt = (frame: Frame) => {
      commands.push(frame.command);
      decoder.stop();
    };
    decoder.push("SEND\n\n\0BEGIN\n\n\0garbage", stopAt);
    decoder.push("BEGIN\n\n\0", stopAt);
    expect(commands).toEqual(["SEND"]);
  });

  test("takes text and bytes in turn, between frames", () => {
    const frames = framesOf(
      decoderOf(),
      "SEND\n\na\0",
      Buffer.from("\nSEND\n\nb\0"),
      "SEND\n\nc\0",
    );
    expect(frames.map((frame) => frame.text())).toEqual(["a", "b", "c"]);
    expect(frames.map((frame) => typeof frame.body)).toEqual(["string", "object", "string"]);
  });

  for (const begun of ["SE", "SEND\n", "SEND\na", "SEND\n\n", "SEND\n\nab", "\ud83d"]) {
    test(`refuses a frame that goes on in the other kind after ${JSON.stringify(begun)}`, () => {
      const bytes = Buffer.from("\n");
      expect(codeOf(() => framesOf(decoderOf(), begun, bytes))).toBe("MALFORMED_FRAME");
    });
  }

  test("ignores empty chunks, of either kind between frames", () => {
    const frames = framesOf(decoderOf(), "", new Uint8Array(0), "SEND\n\n", "", "a\0");
    expect(frames.map((frame) => frame.body)).toEqual(["a"]);
  });

  test("gives a whole frame's body as a view of its bytes", () => {
    const chunk = new Uint8Array(Buffer.from("SEND\n\nbody\0"));
    const body = framesOf(decoderOf(), chunk)[0]?.body;
    expect(body instanceof Uint8Array && body.buffer === chunk.buffer).toBe(true);
    expect(body).toHaveLength(4);
  });

  test("reads a view that does not begin its buffer", () => {
    const bytes = new Uint8Array(Buffer.from("....SEND\na:é\n\nbody\0...."));
    const [frame] = framesOf(decoderOf(), bytes.subarray(4, bytes.length - 4));
    expect([frame?.header("a"), frame?.text()]).toEqual(["é", "body"]);
  });

  test("says that a body is not UTF-8 when it is asked for the text", () => {
    const [frame] = framesOf(decoderOf(), Buffer.from("SEND\n\n\xff\0", "latin1"));
    expect(codeOf(() => frame?.text())).toBe("MALFORMED_FRAME");
  });

  test("gives the first of repeated headers", () => {
    const [frame] = framesOf(decoderOf(), "SEND\na:1\na:2\n\n\0");
    expect([frame?.header("a"), frame?.header("b")]).toEqual(["1", undefined]);
  });

  test("keeps half a surrogate pair that stands alone as it is", () => {
    const wire = "SEND\ncontent-length:7\n\n\ud83da\ude00\0";
    for (const chunks of [[wire], unitByUnit(wire)]) {
      const [frame] = framesOf(decoderOf(), ...chunks);
      expect(frame?.body).toBe("\ud83da\ude00");
    }
  });

  for (const [kind, unit] of [
    ["text", "€"],
    ["bytes", Buffer.from("x")],
  ] as const) {
    test(`takes a frame of 128 KiB in pieces as small as can be (${kind})`, () => {
      const limits = { ...VECTOR_LIMITS, maxFrameBytes: 128 * 1024 };
      const decoder = decoderOf("1.2", limits);
      const begin = "SEND\n\n";
      const bodyOctets = limits.maxFrameBytes - begin.length - 1;
      const units = Math.floor(bodyOctets / Buffer.byteLength(unit));
      const frames: Frame[] = [];
      const push = (chunk: string) =>
        decoder.push(typeof unit === "string" ? chunk : Buffer.from(chunk), (frame) =>
          frames.push(frame),
        );
      push(begin);
      for (let count = 0; count < units; count += 1) push(unit.toString());
      push("\0");
      expect(frames[0]?.text() === unit.toString().repeat(units)).toBe(true);
    });
  }
});
