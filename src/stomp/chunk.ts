import type { Body } from "./frame.ts";
import { type HeadParser, malformed } from "./head-parser.ts";
import type { StompVersion } from "./version.ts";

/**
 * One transport message. The decoder reads text and bytes alike through it: positions are UTF-16
 * units of a text and octets of bytes, sizes are octets of UTF-8 in both.
 */
export interface Chunk {
  readonly length: number;
  /** NaN past the end. */
  codeAt(at: number): number;
  /** Where the ASCII character comes next; -1 when it does not. */
  indexOf(code: number, from: number): number;
  /** A view, not a copy. */
  slice(from: number, end: number): Body;
  /** Throws MALFORMED_FRAME when it is not UTF-8. */
  text(from: number, end: number): string;
  octets(from: number, end: number): number;
  /** Where so many octets end; the chunk's end when it has no more than these. */
  endOf(octets: number, from: number): number;
  /** Gives `head` its lines that end in this chunk, as far as it takes them; where they end. */
  feed(head: HeadParser, from: number, version: StompVersion | null): number;
}

const LF = 10;
const CR = 13;

export class TextChunk implements Chunk {
  readonly #text: string;

  /** `text` does not end within a surrogate pair: its octets could not be counted. */
  constructor(text: string) {
    this.#text = text;
  }

  get length(): number {
    return this.#text.length;
  }

  codeAt(at: number): number {
    return this.#text.charCodeAt(at);
  }

  indexOf(code: number, from: number): number {
    return this.#text.indexOf(String.fromCharCode(code), from);
  }

  slice(from: number, end: number): string {
    return this.#text.slice(from, end);
  }

  text(from: number, end: number): string {
    return this.#text.slice(from, end);
  }

  octets(from: number, end: number): number {
    return Buffer.byteLength(this.#text.slice(from, end));
  }

  endOf(octets: number, from: number): number {
    const end = Math.min(from + octets, this.length);
    if (this.octets(from, end) <= octets) return end; // ASCII, or the rest is missing still.
    const nul = this.indexOf(0, from);
    if (nul !== -1 && this.octets(from, nul) === octets) return nul;
    return this.#walk(octets, from); // A NUL within the body, or none where it should end.
  }

  #walk(octets: number, from: number): number {
    let counted = 0;
    let at = from;
    while (counted < octets) {
      const point = this.#text.codePointAt(at) ?? 0;
      counted += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
      at += point < 0x10000 ? 1 : 2;
    }
    if (counted > octets) throw malformed("content-length ends within a character");
    return at;
  }

  feed(head: HeadParser, from: number, version: StompVersion | null): number {
    return head.take(this.#text, from, version);
  }
}

export class ByteChunk implements Chunk {
  readonly #bytes: Buffer;
  readonly length: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = asBuffer(bytes);
    this.length = bytes.length;
  }

  codeAt(at: number): number {
    return this.#bytes[at] ?? Number.NaN;
  }

  indexOf(code: number, from: number): number {
    return this.#bytes.indexOf(code, from);
  }

  slice(from: number, end: number): Uint8Array {
    return this.#bytes.subarray(from, end);
  }

  text(from: number, end: number): string {
    return headText(this.#bytes, from, end);
  }

  octets(from: number, end: number): number {
    return end - from;
  }

  endOf(octets: number, from: number): number {
    return Math.min(from + octets, this.length);
  }

  /** All lines are decoded in one go; a line without its end is not, it may break off in a character. */
  feed(head: HeadParser, from: number, version: StompVersion | null): number {
    const end = this.#endOfLines(from);
    if (end > from) head.take(headText(this.#bytes, from, end), 0, version);
    return end;
  }

  /** After the first empty line, or else after the last whole one. */
  #endOfLines(from: number): number {
    const bytes = this.#bytes;
    let line = from;
    for (;;) {
      const end = bytes.indexOf(LF, line);
      if (end === -1) return line;
      if (end === line || (end === line + 1 && bytes[line] === CR)) return end + 1;
      line = end + 1;
    }
  }
}

/** Headers are UTF-8 [STOMP 1.2 §Value Encoding]. Throws MALFORMED_FRAME when they are not. */
export function headText(bytes: Uint8Array, from = 0, end = bytes.length): string {
  const text = asBuffer(bytes).toString("utf8", from, end);
  if (text.includes("\ufffd")) requireUtf8(bytes.subarray(from, end));
  return text;
}

/** U+FFFD stands for what is no UTF-8, unless the sender wrote it. */
function requireUtf8(bytes: Uint8Array): void {
  try {
    strictUtf8.decode(bytes);
  } catch {
    throw malformed("A header is not UTF-8");
  }
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function asBuffer(bytes: Uint8Array): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
