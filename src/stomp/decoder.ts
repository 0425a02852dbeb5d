import { AppError } from "../errors.ts";
import { type Body, Frame } from "./frame.ts";
import { type HeadLimits, HeadParser, malformed } from "./head-parser.ts";
import type { StompVersion } from "./version.ts";

export interface DecoderLimits extends HeadLimits {
  /** From the command to the NUL, in octets. */
  readonly maxFrameBytes: number;
}

/** Where in a frame the decoder stands. */
type Phase = "between" | "head" | "body" | "end" | "stopped";

const LF = 10;
const CR = 13;

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Cuts frames out of transport messages, text or bytes, that split and join them anywhere. A frame
 * that came whole has a body that is a slice of its message; time and memory are linear in the
 * bytes that came, and memory is bounded by the limits.
 */
export class Decoder {
  /**
   * Whose rules hold; null until CONNECT is answered. May be set within `onFrame` and holds from the
   * next frame on.
   */
  version: StompVersion | null = null;
  readonly #limits: DecoderLimits;
  readonly #head: HeadParser;
  #phase: Phase = "between";
  /** Octets of the frame so far. */
  #size = 0;
  /** The beginning of a line whose end has not come. */
  #partialText = "";
  #partialBytes: Uint8Array | null = null;
  /** -1: the body ends at the first NUL. */
  #contentLength = -1;
  #bodySize = 0;
  #textParts: string[] = [];
  #byteParts: Uint8Array[] = [];
  #isText = true;

  constructor(limits: DecoderLimits) {
    this.#limits = limits;
    this.#head = new HeadParser(limits);
  }

  /**
   * Takes one transport message and hands over each frame that it completes, in order. Throws
   * AppError MALFORMED_FRAME, FRAME_TOO_LARGE, HEADER_LIMIT_EXCEEDED; after that, as after `stop`,
   * everything is ignored.
   */
  push(chunk: string | Uint8Array, onFrame: (frame: Frame) => void): void {
    if (this.#phase === "stopped") return;
    try {
      const isText = typeof chunk === "string";
      if (this.#phase !== "between" && isText !== this.#isText) {
        throw malformed("A frame goes over from text to binary messages");
      }
      this.#isText = isText;
      if (isText) this.#pushText(chunk, onFrame);
      else this.#pushBytes(chunk, onFrame);
    } catch (fault) {
      this.stop();
      throw fault;
    }
  }

  /** Lets go of a frame in the making; nothing more is decoded. */
  stop(): void {
    this.#phase = "stopped";
    this.#partialText = "";
    this.#partialBytes = null;
    this.#textParts = [];
    this.#byteParts = [];
    this.#head.reset();
  }

  #pushText(text: string, onFrame: (frame: Frame) => void): void {
    let at = 0;
    while (at < text.length) {
      switch (this.#phase) {
        case "between":
          at = this.#skipEol(text.charCodeAt(at), at);
          break;
        case "head":
          at = this.#takeTextHead(text, at);
          break;
        case "body":
          at = this.#takeTextBody(text, at);
          break;
        case "end":
          at = this.#takeEnd(text.charCodeAt(at), at, onFrame);
          break;
        case "stopped":
          return;
      }
    }
  }

  #pushBytes(bytes: Uint8Array, onFrame: (frame: Frame) => void): void {
    let at = 0;
    while (at < bytes.length) {
      switch (this.#phase) {
        case "between":
          at = this.#skipEol(bytes[at] ?? 0, at);
          break;
        case "head":
          at = this.#takeByteHead(bytes, at);
          break;
        case "body":
          at = this.#takeByteBody(bytes, at);
          break;
        case "end":
          at = this.#takeEnd(bytes[at] ?? 0, at, onFrame);
          break;
        case "stopped":
          return;
      }
    }
  }

  /** Line ends between frames are heart-beats, or trail the frame before. */
  #skipEol(code: number, at: number): number {
    if (code === LF || (code === CR && this.version !== "1.0" && this.version !== "1.1"))
      return at + 1;
    this.#phase = "head";
    this.#size = 0;
    this.#head.reset();
    return at;
  }

  #takeTextHead(text: string, from: number): number {
    let at = from;
    for (;;) {
      const end = text.indexOf("\n", at);
      if (end === -1) {
        this.#partialText += text.slice(at);
        this.#head.checkPartial(this.#partialText);
        return text.length;
      }
      const line = this.#partialText + text.slice(at, end);
      this.#partialText = "";
      at = end + 1;
      this.#grow(line.length + 1);
      if (this.#head.take(line, this.version)) {
        this.#beginBody();
        return at;
      }
    }
  }

  #takeByteHead(bytes: Uint8Array, from: number): number {
    let at = from;
    for (;;) {
      const end = bytes.indexOf(LF, at);
      if (end === -1) {
        const rest = bytes.subarray(at);
        const { maxHeaderLineBytes } = this.#limits;
        const partial =
          this.#partialBytes === null ? rest : Buffer.concat([this.#partialBytes, rest]);
        if (partial.length > maxHeaderLineBytes) {
          throw new AppError(
            "HEADER_LIMIT_EXCEEDED",
            `A header line may have ${maxHeaderLineBytes} bytes`,
          );
        }
        this.#partialBytes = partial;
        this.#head.checkPartial(latin1(partial, 0, partial.length));
        return bytes.length;
      }
      const line = this.#byteLine(bytes, at, end);
      this.#grow(end - at + 1);
      at = end + 1;
      if (this.#head.take(line, this.version)) {
        this.#beginBody();
        return at;
      }
    }
  }

  #byteLine(bytes: Uint8Array, from: number, end: number): string {
    const partial = this.#partialBytes;
    if (partial !== null) {
      this.#partialBytes = null;
      const joined = Buffer.concat([partial, bytes.subarray(from, end)]);
      this.#grow(partial.length);
      return headText(joined, 0, joined.length);
    }
    return headText(bytes, from, end);
  }

  #beginBody(): void {
    const header = contentLengthOf(this.#head.headers);
    this.#contentLength = -1;
    this.#bodySize = 0;
    this.#phase = "body";
    if (header === undefined) return;
    if (!/^\d{1,15}$/.test(header)) throw malformed("content-length is no number");
    this.#contentLength = Number(header);
    if (this.#size + this.#contentLength + 1 > this.#limits.maxFrameBytes) throw this.#tooLarge();
    if (this.#contentLength === 0) this.#phase = "end";
  }

  #takeTextBody(text: string, from: number): number {
    if (this.#contentLength === -1) {
      const nul = text.indexOf("\0", from);
      const end = nul === -1 ? text.length : nul;
      const part = text.slice(from, end);
      this.#grow(Buffer.byteLength(part));
      this.#keepText(part);
      if (nul !== -1) this.#phase = "end";
      return end;
    }
    const missing = this.#contentLength - this.#bodySize;
    const end = Math.min(text.length, from + missing);
    let part = text.slice(from, end);
    let octets = Buffer.byteLength(part);
    if (octets > missing) {
      // Characters of several octets: fewer of them make up the length.
      part = prefixOfOctets(part, missing);
      octets = missing;
    }
    this.#bodySize += octets;
    this.#size += octets;
    this.#keepText(part);
    if (this.#bodySize === this.#contentLength) this.#phase = "end";
    return from + part.length;
  }

  #takeByteBody(bytes: Uint8Array, from: number): number {
    let end: number;
    if (this.#contentLength === -1) {
      const nul = bytes.indexOf(0, from);
      end = nul === -1 ? bytes.length : nul;
      this.#grow(end - from);
      if (nul !== -1) this.#phase = "end";
    } else {
      end = Math.min(bytes.length, from + this.#contentLength - this.#bodySize);
      this.#bodySize += end - from;
      if (this.#bodySize === this.#contentLength) this.#phase = "end";
    }
    if (end > from) this.#byteParts.push(bytes.subarray(from, end));
    return end;
  }

  #takeEnd(code: number, at: number, onFrame: (frame: Frame) => void): number {
    if (code !== 0) throw malformed("The body is longer than content-length says");
    const { command, headers } = this.#head;
    const body = this.#takeBody();
    if (body.length > 0 && !mayHaveBody(command))
      throw malformed(`${command} must not have a body`);
    this.#phase = "between";
    onFrame(new Frame(command, headers, body));
    return at + 1;
  }

  #takeBody(): Body {
    if (this.#isText) {
      const parts = this.#textParts;
      if (parts.length === 0) return "";
      const body = parts.length === 1 ? (parts[0] ?? "") : parts.join("");
      this.#textParts = [];
      return body;
    }
    const parts = this.#byteParts;
    this.#byteParts = [];
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  }

  #keepText(part: string): void {
    if (part !== "") this.#textParts.push(part);
  }

  #grow(octets: number): void {
    this.#size += octets;
    if (this.#size >= this.#limits.maxFrameBytes) throw this.#tooLarge();
  }

  #tooLarge(): AppError {
    const text = `A frame may have ${this.#limits.maxFrameBytes} bytes`;
    return new AppError("FRAME_TOO_LARGE", text);
  }
}

// [STOMP 1.2 §Body]
function mayHaveBody(command: string): boolean {
  return command === "SEND" || command === "MESSAGE" || command === "ERROR";
}

function contentLengthOf(headers: readonly string[]): string | undefined {
  for (let index = 0; index < headers.length; index += 2) {
    if (headers[index] === "content-length") return headers[index + 1]?.trim();
  }
  return undefined;
}

function latin1(bytes: Uint8Array, from: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, end - from).toString("latin1");
}

/** Headers are UTF-8 [STOMP 1.2 §Value Encoding]; nearly all are ASCII. */
function headText(bytes: Uint8Array, from: number, end: number): string {
  for (let at = from; at < end; at += 1) {
    if ((bytes[at] ?? 0) < 0x80) continue;
    try {
      return strictUtf8.decode(bytes.subarray(from, end));
    } catch {
      throw malformed("A header is not UTF-8");
    }
  }
  return latin1(bytes, from, end);
}

/** The beginning of the text that has exactly so many octets in UTF-8. */
function prefixOfOctets(text: string, octets: number): string {
  let counted = 0;
  let at = 0;
  while (counted < octets) {
    const point = text.codePointAt(at) ?? 0;
    counted += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    at += point < 0x10000 ? 1 : 2;
  }
  if (counted > octets) throw malformed("content-length ends within a character");
  return text.slice(0, at);
}
