import { randomBytes, randomInt } from "node:crypto";

const VERSION = 1;
const RUN_BYTES = 8;
/** Version, run, number, length of the node's id. */
const HEAD_BYTES = 1 + RUN_BYTES + 4 + 1;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** A payload with what says from which node it is. */
export interface NodeFrame {
  /** Of one run of a node: two nodes with one id differ by it. */
  readonly run: string;
  /** Counts the run's messages, and begins again after the highest. */
  readonly number: number;
  readonly nodeId: string;
  readonly payload: Uint8Array;
}

/** Puts this node's mark on what it publishes, and knows its own by it. */
export class NodeFrames {
  readonly #run = randomBytes(RUN_BYTES);
  readonly #nodeId: Uint8Array;
  readonly run = this.#run.toString("latin1");
  #number = randomInt(2 ** 32);

  /** @param nodeId of at most 255 bytes */
  constructor(nodeId: string) {
    this.#nodeId = Buffer.from(nodeId);
  }

  encode(payload: Uint8Array): Buffer {
    const idBytes = this.#nodeId.length;
    const bytes = Buffer.allocUnsafe(HEAD_BYTES + idBytes + payload.length);
    bytes[0] = VERSION;
    bytes.set(this.#run, 1);
    this.#number = (this.#number + 1) >>> 0;
    bytes.writeUInt32BE(this.#number, 1 + RUN_BYTES);
    bytes[HEAD_BYTES - 1] = idBytes;
    bytes.set(this.#nodeId, HEAD_BYTES);
    bytes.set(payload, HEAD_BYTES + idBytes);
    return bytes;
  }
}

/** null for what is none. The payload is a part of the bytes. */
export function decodeNodeFrame(bytes: Buffer): NodeFrame | null {
  if (bytes.length < HEAD_BYTES || bytes[0] !== VERSION) return null;
  const payloadAt = HEAD_BYTES + (bytes[HEAD_BYTES - 1] ?? 0);
  if (payloadAt === HEAD_BYTES || payloadAt > bytes.length) return null;
  try {
    return {
      run: bytes.toString("latin1", 1, 1 + RUN_BYTES),
      number: bytes.readUInt32BE(1 + RUN_BYTES),
      nodeId: utf8.decode(bytes.subarray(HEAD_BYTES, payloadAt)),
      payload: bytes.subarray(payloadAt),
    };
  } catch {
    return null;
  }
}
