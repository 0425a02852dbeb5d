import type { Body } from "../stomp/frame.ts";

/**
 * A message of a topic on its way to another node:
 *
 *     version 1 | flags | destination | message-id | number of headers | name, value … | body
 *
 * Texts are UTF-8 behind their length, numbers LEB128; the body is the rest. Flag 1: it is text.
 */
export interface Envelope {
  readonly destination: string;
  readonly messageId: string;
  /** Those that its MESSAGE frames show beside these and `content-length`; flat, name, value … */
  readonly headers: readonly string[];
  readonly body: Body;
}

const VERSION = 1;
const IS_TEXT = 1;
/** More than any node takes from a client. */
const MOST_HEADERS = 10_000;
const LONGEST_TEXT = 16 * 1024 * 1024;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function encodeEnvelope({ destination, messageId, headers, body }: Envelope): Uint8Array {
  const isText = typeof body === "string";
  const bodyBytes = isText ? Buffer.byteLength(body) : body.length;
  let size = 2 + textSize(destination) + textSize(messageId) + numberSize(headers.length / 2);
  for (const text of headers) size += textSize(text);
  const bytes = Buffer.allocUnsafe(size + bodyBytes);
  bytes[0] = VERSION;
  bytes[1] = isText ? IS_TEXT : 0;
  let at = writeText(bytes, 2, destination);
  at = writeText(bytes, at, messageId);
  at = writeNumber(bytes, at, headers.length / 2);
  for (const text of headers) at = writeText(bytes, at, text);
  if (isText) bytes.write(body, at);
  else bytes.set(body, at);
  return bytes;
}

/** null for what is none, or of another version. A body of bytes is a part of what came. */
export function decodeEnvelope(bytes: Uint8Array): Envelope | null {
  try {
    return new Reader(bytes).envelope();
  } catch {
    return null;
  }
}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Throws for what is none. */
  envelope(): Envelope {
    if (this.#octet() !== VERSION) throw new RangeError("version");
    const flags = this.#octet();
    if (flags > IS_TEXT) throw new RangeError("flags");
    const destination = this.#text();
    const messageId = this.#text();
    const count = this.#number();
    if (count > MOST_HEADERS) throw new RangeError("headers");
    const headers: string[] = [];
    for (let index = 0; index < 2 * count; index += 1) headers.push(this.#text());
    const rest = this.#bytes.subarray(this.#at);
    const body = flags === IS_TEXT ? utf8.decode(rest) : rest;
    return { destination, messageId, headers, body };
  }

  #octet(): number {
    const octet = this.#bytes[this.#at];
    if (octet === undefined) throw new RangeError("end");
    this.#at += 1;
    return octet;
  }

  /** In its shortest form. */
  #number(): number {
    let number = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const octet = this.#octet();
      number |= (octet & 0x7f) << shift;
      if (octet >= 0x80) continue;
      if (octet === 0 && shift > 0) break;
      return number;
    }
    throw new RangeError("number");
  }

  #text(): string {
    const length = this.#number();
    const end = this.#at + length;
    if (length > LONGEST_TEXT || end > this.#bytes.length) throw new RangeError("length");
    const text = utf8.decode(this.#bytes.subarray(this.#at, end));
    if (text.includes("\0")) throw new RangeError("NUL");
    this.#at = end;
    return text;
  }
}

function textSize(text: string): number {
  const length = Buffer.byteLength(text);
  return numberSize(length) + length;
}

function numberSize(number: number): number {
  let size = 1;
  for (let rest = number >>> 7; rest > 0; rest >>>= 7) size += 1;
  return size;
}

function writeText(bytes: Buffer, at: number, text: string): number {
  const behind = writeNumber(bytes, at, Buffer.byteLength(text));
  return behind + bytes.write(text, behind);
}

function writeNumber(bytes: Buffer, at: number, number: number): number {
  let [rest, next] = [number, at];
  for (; rest >= 0x80; rest >>>= 7) {
    bytes[next] = (rest & 0x7f) | 0x80;
    next += 1;
  }
  bytes[next] = rest;
  return next + 1;
}
