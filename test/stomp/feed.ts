import { AppError, type ErrorCode } from "../../src/errors.ts";
import { Decoder, type DecoderLimits } from "../../src/stomp/decoder.ts";
import type { Body, Frame } from "../../src/stomp/frame.ts";
import { type ExpectedFrame, type Rules, VECTOR_LIMITS } from "./vectors.ts";

/** What became of an input: the frames before the error, if there was one. */
export interface Outcome {
  readonly frames: readonly ExpectedFrame[];
  readonly error: ErrorCode | null;
}

/** Anything thrown that is not an AppError goes through: it fails the test. */
export function feed(
  version: Rules,
  chunks: readonly Body[],
  limits: DecoderLimits = VECTOR_LIMITS,
): Outcome {
  const decoder = new Decoder(limits);
  decoder.version = version;
  const frames: Frame[] = [];
  try {
    for (const chunk of chunks) decoder.push(chunk, (frame) => frames.push(frame));
  } catch (fault) {
    if (fault instanceof AppError) return { frames: frames.map(comparable), error: fault.code };
    throw fault;
  }
  return { frames: frames.map(comparable), error: null };
}

/** Bodies as latin1 text of their octets, so that text and bytes compare. */
export function comparable({ command, headers, body = "" }: ExpectedFrame): ExpectedFrame {
  const octets = typeof body === "string" ? Buffer.from(body) : body;
  return { command, headers: [...headers], body: Buffer.from(octets).toString("latin1") };
}

/** The parts between the cuts; a cut past the end is at the end. */
export function cutAt(wire: Body, cuts: readonly number[]): Body[] {
  const ends = [...cuts, wire.length].map((cut) => Math.min(cut, wire.length));
  ends.sort((a, b) => a - b);
  let from = 0;
  return ends.map((end) => {
    const part = wire.slice(from, end);
    from = end;
    return part;
  });
}

export function unitByUnit(wire: Body): Body[] {
  return cutAt(wire, [...Array(wire.length).keys()]);
}

/** A text vector holds as its bytes, too. */
export function formsOf(wire: Body): readonly (readonly [form: string, wire: Body])[] {
  if (typeof wire !== "string") return [["bytes", wire]];
  return [
    ["text", wire],
    ["bytes", Buffer.from(wire)],
  ];
}
