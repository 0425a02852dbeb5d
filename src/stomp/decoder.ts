import { AppError } from "../errors.ts";
import { ByteChunk, type Chunk, headText, TextChunk } from "./chunk.ts";
import { type Body, Frame, headerOf } from "./frame.ts";
import { Gatherer } from "./gatherer.ts";
import { allowsCr, type HeadLimits, HeadParser, malformed } from "./head-parser.ts";
import type { StompVersion } from "./version.ts";

export interface DecoderLimits extends HeadLimits {
  /** From the command to the NUL, in octets. */
  readonly maxFrameBytes: number;
}

/** Where in a frame the decoder stands. */
type Phase = "between" | "head" | "body" | "end" | "stopped";

const NUL = 0;
const LF = 10;
const CR = 13;

/** The body goes on to the first NUL. */
const UNTIL_NUL = -1;

const NO_BYTES = new Uint8Array(0);

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
  /** May be set within `onFrame`, as `version`. */
  maxFrameBytes: number;
  readonly #head: HeadParser;
  #phase: Phase = "between";
  #isText = true;
  /** The first half of a surrogate pair that the message before ended in, or nothing. */
  #halfPair = "";
  /** Octets of the frame so far. */
  #size = 0;
  /** Octets so far of a header line whose end has not come. */
  #lineSize = 0;
  /** Octets of the body yet to come, or UNTIL_NUL. */
  #missing = UNTIL_NUL;
  /** Pieces of that line, later of the body. */
  readonly #kept = new Gatherer();

  constructor(limits: DecoderLimits) {
    this.maxFrameBytes = limits.maxFrameBytes;
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
      this.#read(this.#open(chunk), onFrame);
    } catch (fault) {
      this.stop();
      throw fault;
    }
  }

  /** Octets of a frame in the making. */
  get heldBytes(): number {
    return this.#phase === "between" || this.#phase === "stopped" ? 0 : this.#size;
  }

  /** Lets go of a frame in the making; nothing more is decoded. */
  stop(): void {
    this.#phase = "stopped";
    this.#halfPair = "";
    this.#kept.clear();
    this.#head.clear();
  }

  #open(chunk: string | Uint8Array): Chunk {
    const isText = typeof chunk === "string";
    const isWithinFrame = this.#phase !== "between" || this.#halfPair !== "";
    if (isWithinFrame && isText !== this.#isText) {
      throw malformed("A frame changes between text and binary messages");
    }
    this.#isText = isText;
    return isText ? this.#openText(chunk) : new ByteChunk(chunk);
  }

  /** SockJS can split a text within a surrogate pair; WebSocket cannot. */
  #openText(chunk: string): Chunk {
    // Joined with nothing, the engine would copy the chunk all the same.
    const text = this.#halfPair === "" ? chunk : this.#halfPair + chunk;
    const last = text.charCodeAt(text.length - 1);
    const endsInHalf = last >= 0xd800 && last <= 0xdbff;
    this.#halfPair = endsInHalf ? text.slice(-1) : "";
    return new TextChunk(endsInHalf ? text.slice(0, -1) : text);
  }

  #read(chunk: Chunk, onFrame: (frame: Frame) => void): void {
    let at = 0;
    while (at < chunk.length) {
      switch (this.#phase) {
        case "between":
          at = this.#skipEol(chunk, at);
          break;
        case "head":
          at = this.#takeHead(chunk, at);
          break;
        case "body":
          at = this.#takeBody(chunk, at);
          break;
        case "end":
          at = this.#takeEnd(chunk, at, onFrame);
          break;
        case "stopped":
          return;
      }
    }
  }

  /** Line ends between frames are heart-beats, or trail the frame before [STOMP 1.2 §Heart-beating]. */
  #skipEol(chunk: Chunk, at: number): number {
    const code = chunk.codeAt(at);
    if (code === LF || (code === CR && allowsCr(this.version))) return at + 1;
    this.#phase = "head";
    this.#size = 0;
    this.#head.begin();
    return at;
  }

  #takeHead(chunk: Chunk, from: number): number {
    let at = from;
    if (this.#lineSize > 0) {
      const end = chunk.indexOf(LF, at) + 1;
      if (end === 0) return this.#keepUnfinishedLine(chunk, at);
      this.#grow(chunk.octets(at, end));
      this.#kept.add(chunk.slice(at, end));
      this.#head.take(this.#keptLine(), 0, this.version);
      at = end;
    }
    if (!this.#head.isWhole) {
      const end = chunk.feed(this.#head, at, this.version);
      this.#grow(chunk.octets(at, end));
      at = end;
    }
    if (!this.#head.isWhole) return this.#keepUnfinishedLine(chunk, at);
    this.#beginBody();
    return at;
  }

  #keepUnfinishedLine(chunk: Chunk, from: number): number {
    const end = chunk.length;
    if (from === end) return end;
    const octets = chunk.octets(from, end);
    this.#lineSize += octets;
    // Of a line that broke off in a character only the ASCII counts here.
    const piece = chunk.slice(from, end);
    this.#head.checkUnfinished(
      typeof piece === "string" ? piece : Buffer.from(piece).toString("latin1"),
      this.#lineSize,
    );
    this.#grow(octets);
    this.#kept.add(piece);
    return end;
  }

  #keptLine(): string {
    const line = this.#kept.take() ?? "";
    this.#lineSize = 0;
    return typeof line === "string" ? line : headText(line);
  }

  #beginBody(): void {
    const { command, headers, version } = this.#head;
    this.#missing = contentLengthOf(headers);
    if (version !== "1.0" && !mayHaveBody(command)) {
      if (this.#missing > 0) throw malformed(`${command} must not have a body`);
      this.#missing = 0;
    }
    if (this.#size + this.#missing >= this.maxFrameBytes) throw this.#tooLarge();
    this.#phase = this.#missing === 0 ? "end" : "body";
  }

  #takeBody(chunk: Chunk, from: number): number {
    let end: number;
    if (this.#missing === UNTIL_NUL) {
      const nul = chunk.indexOf(NUL, from);
      end = nul === -1 ? chunk.length : nul;
      this.#grow(chunk.octets(from, end));
      if (nul !== -1) this.#phase = "end";
    } else {
      end = chunk.endOf(this.#missing, from);
      this.#missing -= end < chunk.length ? this.#missing : chunk.octets(from, end);
      if (this.#missing === 0) this.#phase = "end";
    }
    if (end > from) this.#kept.add(chunk.slice(from, end));
    return end;
  }

  #takeEnd(chunk: Chunk, at: number, onFrame: (frame: Frame) => void): number {
    const { command, headers } = this.#head;
    if (chunk.codeAt(at) !== NUL) throw malformed(`${command} does not end where its body does`);
    const body: Body = this.#kept.take() ?? (this.#isText ? "" : NO_BYTES);
    this.#phase = "between";
    this.#head.clear();
    onFrame(new Frame(command, headers, body));
    return at + 1;
  }

  #grow(octets: number): void {
    this.#size += octets;
    if (this.#size >= this.maxFrameBytes) throw this.#tooLarge(); // The NUL counts too.
  }

  #tooLarge(): AppError {
    return new AppError("FRAME_TOO_LARGE", `A frame may have ${this.maxFrameBytes} bytes`);
  }
}

/** [STOMP 1.2 §Body] Since 1.1; 1.0 does not say. */
function mayHaveBody(command: string): boolean {
  return command === "SEND" || command === "MESSAGE" || command === "ERROR";
}

/** [STOMP 1.2 §Header content-length] Padding is let pass, as other servers do. */
function contentLengthOf(headers: readonly string[]): number {
  const header = headerOf(headers, "content-length");
  if (header === undefined) return UNTIL_NUL;
  const digits = header.trim();
  if (!/^\d+$/.test(digits)) throw malformed("content-length is no number");
  return Number(digits);
}
