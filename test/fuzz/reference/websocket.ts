/**
 * What a server must make of the bytes that a client sends on a WebSocket [RFC 6455 §5], without
 * extensions. Written for clarity; it shares nothing with the engine under test.
 */
export interface WebSocketMessage {
  readonly isText: boolean;
  readonly bytes: Buffer;
}

export type WebSocketEvent =
  | ({ readonly kind: "message" } & WebSocketMessage)
  | { readonly kind: "ping"; readonly payload: Buffer }
  /** The client says good-bye; nothing after it counts. */
  | { readonly kind: "close" }
  /** The connection must be failed; nothing after it counts. */
  | { readonly kind: "violation"; readonly why: string };

const CONTINUATION = 0;
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class WebSocketReference {
  #rest: Buffer = Buffer.alloc(0);
  /** Of a message whose last frame has not come. */
  #parts: Buffer[] = [];
  #opcode: number | null = null;
  #isOver = false;

  constructor(readonly maxMessageBytes: number) {}

  /** Nothing but whole frames have come. */
  get isBetweenFrames(): boolean {
    return this.#rest.length === 0;
  }

  get isWithinMessage(): boolean {
    return this.#opcode !== null;
  }

  push(bytes: Buffer): WebSocketEvent[] {
    const events: WebSocketEvent[] = [];
    this.#rest = Buffer.concat([this.#rest, bytes]);
    while (!this.#isOver) {
      const event = this.#next();
      if (event === null) break;
      if (event === "part") continue;
      this.#isOver = event.kind === "violation" || event.kind === "close";
      events.push(event);
    }
    return events;
  }

  /** null: a frame is not whole. */
  #next(): WebSocketEvent | "part" | null {
    const bytes = this.#rest;
    if (bytes.length < 2) return null;
    const [first = 0, second = 0] = bytes;
    const isFinal = (first & 0x80) !== 0;
    const opcode = first & 0x0f;
    const isControl = opcode >= 8;
    if ((first & 0x70) !== 0) return violation("a reserved bit is set");
    if (![CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG].includes(opcode)) {
      return violation(`opcode ${opcode}`);
    }
    if ((second & 0x80) === 0) return violation("the frame is not masked");
    const short = second & 0x7f;
    if (isControl && !isFinal) return violation("a fragmented control frame");
    if (isControl && short > 125) return violation("a control frame over 125 bytes");
    if (!isControl && (opcode === CONTINUATION) === (this.#opcode === null)) {
      return violation("a continuation of nothing, or a message within a message");
    }
    const extra = short === 126 ? 2 : short === 127 ? 8 : 0;
    if (bytes.length < 2 + extra) return null;
    const length = lengthOf(bytes, short);
    const held = this.#parts.reduce((sum, part) => sum + part.length, 0);
    if (!isControl && held + length > this.maxMessageBytes) return violation("too large");
    const start = 2 + extra + 4;
    if (bytes.length < start + length) return null;
    const payload = unmask(bytes.subarray(start, start + length), bytes.subarray(start - 4, start));
    this.#rest = bytes.subarray(start + length);
    if (opcode === PING) return { kind: "ping", payload };
    if (opcode === PONG) return "part";
    if (opcode === CLOSE) return { kind: "close" };
    this.#opcode ??= opcode;
    this.#parts.push(payload);
    return isFinal ? this.#message() : "part";
  }

  #message(): WebSocketEvent {
    const isText = this.#opcode === TEXT;
    const bytes = Buffer.concat(this.#parts);
    this.#opcode = null;
    this.#parts = [];
    if (isText && !isUtf8(bytes)) return violation("a text that is not UTF-8");
    return { kind: "message", isText, bytes };
  }
}

function violation(why: string): WebSocketEvent {
  return { kind: "violation", why };
}

function lengthOf(bytes: Buffer, short: number): number {
  if (short === 126) return bytes.readUInt16BE(2);
  if (short === 127) return Number(bytes.readBigUInt64BE(2));
  return short;
}

function unmask(payload: Buffer, key: Buffer): Buffer {
  return Buffer.from(payload.map((octet, index) => octet ^ (key[index % 4] ?? 0)));
}

function isUtf8(bytes: Buffer): boolean {
  try {
    strictUtf8.decode(bytes);
    return true;
  } catch {
    return false;
  }
}
