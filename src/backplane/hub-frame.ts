/** What goes between a process and the hub: each frame is its length, its kind, and this. */
export const KIND = {
  /** To the hub: number, channel. From the hub, when it is in effect: the same. */
  subscribe: 1,
  unsubscribe: 2,
  /** To the hub: number, prefix. */
  subscribePrefix: 3,
  unsubscribePrefix: 4,
  /** To the hub, and from it when all that came before is done: number. */
  sync: 5,
  /** To the hub, and from it as it is: see `MessageFrame`. */
  message: 6,
} as const;

export type Kind = (typeof KIND)[keyof typeof KIND];

/** The length counts what follows it. */
const LENGTH_BYTES = 4;
/** Length, kind, number; in a message the number is the length of the channel's name. */
const HEAD_BYTES = LENGTH_BYTES + 1 + 4;

/** A frame without a payload. @param number what the answer is known by */
export function encodeFrame(kind: Kind, number: number, name: string): Buffer {
  const nameBytes = Buffer.byteLength(name);
  const frame = Buffer.allocUnsafe(HEAD_BYTES + nameBytes);
  writeHead(frame, kind, number);
  frame.write(name, HEAD_BYTES);
  return frame;
}

/** @param nodeId of at most 255 bytes */
export function encodeMessage(nodeId: Uint8Array, channel: string, payload: Uint8Array): Buffer {
  const nameBytes = Buffer.byteLength(channel);
  const originAt = HEAD_BYTES + nameBytes;
  const payloadAt = originAt + 1 + nodeId.length;
  const frame = Buffer.allocUnsafe(payloadAt + payload.length);
  writeHead(frame, KIND.message, nameBytes);
  frame.write(channel, HEAD_BYTES);
  frame[originAt] = nodeId.length;
  frame.set(nodeId, originAt + 1);
  frame.set(payload, payloadAt);
  return frame;
}

function writeHead(frame: Buffer, kind: Kind, number: number): void {
  frame.writeUInt32BE(frame.length - LENGTH_BYTES, 0);
  frame[LENGTH_BYTES] = kind;
  frame.writeUInt32BE(number, LENGTH_BYTES + 1);
}

export function kindOf(frame: Uint8Array): number {
  return frame[LENGTH_BYTES] ?? 0;
}

/** Of a frame that is no message. */
export function numberOf(frame: Buffer): number {
  return frame.readUInt32BE(LENGTH_BYTES + 1);
}

/** Of a frame that is no message. */
export function nameOf(frame: Buffer): string {
  return frame.toString("utf8", HEAD_BYTES);
}

/** Of a message. */
export function channelOf(frame: Buffer): string {
  return frame.toString("utf8", HEAD_BYTES, HEAD_BYTES + numberOf(frame));
}

export interface MessageFrame {
  readonly origin: string;
  readonly channel: string;
  /** A part of the frame. */
  readonly payload: Uint8Array;
}

export function decodeMessage(frame: Buffer): MessageFrame {
  const originAt = HEAD_BYTES + numberOf(frame);
  const payloadAt = originAt + 1 + (frame[originAt] ?? 0);
  return {
    channel: frame.toString("utf8", HEAD_BYTES, originAt),
    origin: frame.toString("utf8", originAt + 1, payloadAt),
    payload: frame.subarray(payloadAt),
  };
}

/** Puts together what a stream has cut into pieces: each byte is copied at most twice. */
export class FrameReader {
  #parts: Buffer[] = [];
  #bytes = 0;
  /** So many there must be before it is worth a look. */
  #needed = LENGTH_BYTES;

  /** Calls `take` with each frame that is whole, its length included. */
  push(piece: Buffer, take: (frame: Buffer) => void): void {
    this.#parts.push(piece);
    this.#bytes += piece.length;
    if (this.#bytes < this.#needed) return;
    const whole = this.#parts.length === 1 ? piece : Buffer.concat(this.#parts, this.#bytes);
    let at = 0;
    let needed = LENGTH_BYTES;
    while (whole.length - at >= LENGTH_BYTES) {
      needed = LENGTH_BYTES + whole.readUInt32BE(at);
      if (whole.length - at < needed) break;
      take(whole.subarray(at, at + needed));
      at += needed;
      needed = LENGTH_BYTES;
    }
    this.#parts = at === whole.length ? [] : [whole.subarray(at)];
    this.#bytes = whole.length - at;
    this.#needed = needed;
  }
}
