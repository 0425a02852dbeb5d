import type { Random } from "../random.ts";

export const CONTINUATION = 0;
export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

export interface FrameParts {
  readonly opcode: number;
  readonly payload?: Uint8Array;
  readonly isFinal?: boolean;
  readonly reserved?: number;
  readonly isMasked?: boolean;
  /** What the head says, if it lies. */
  readonly length?: number;
  /** Octets of the length field, if more than are needed. */
  readonly lengthOctets?: 0 | 2 | 8;
}

/** A frame as a client writes it, or as it should not [RFC 6455 §5.2]. */
export function webSocketFrame(parts: FrameParts, random: Random): Buffer {
  const {
    opcode,
    payload = Buffer.alloc(0),
    isFinal = true,
    reserved = 0,
    isMasked = true,
  } = parts;
  const length = parts.length ?? payload.length;
  const needed = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const octets = parts.lengthOctets ?? needed;
  const head = Buffer.alloc(2 + octets);
  head[0] = (isFinal ? 0x80 : 0) | (reserved << 4) | opcode;
  head[1] = (isMasked ? 0x80 : 0) | (octets === 0 ? length : octets === 2 ? 126 : 127);
  if (octets === 2) head.writeUInt16BE(length, 2);
  if (octets === 8) head.writeBigUInt64BE(BigInt(length), 2);
  if (!isMasked) return Buffer.concat([head, payload]);
  const key = random.bytes(4);
  const masked = Buffer.from(payload);
  for (let at = 0; at < masked.length; at += 1) {
    masked[at] = (masked[at] ?? 0) ^ (key[at % 4] ?? 0);
  }
  return Buffer.concat([head, key, masked]);
}

/** A message in one frame or several, with a ping between them now and then: all as it may be. */
export function webSocketMessage(payload: Buffer, isText: boolean, random: Random): Buffer[] {
  const opcode = isText ? TEXT : BINARY;
  if (random.chance(0.85)) return [webSocketFrame({ opcode, payload }, random)];
  const frames: Buffer[] = [];
  const parts = random.between(2, 4);
  for (let part = 0; part < parts; part += 1) {
    const from = Math.floor((payload.length * part) / parts);
    const end = Math.floor((payload.length * (part + 1)) / parts);
    if (random.chance(0.3)) frames.push(ping(random, random.below(126)));
    frames.push(
      webSocketFrame(
        {
          opcode: part === 0 ? opcode : CONTINUATION,
          isFinal: part === parts - 1,
          payload: payload.subarray(from, end),
        },
        random,
      ),
    );
  }
  return frames;
}

function ping(random: Random, length: number): Buffer {
  return webSocketFrame(
    { opcode: random.chance(0.8) ? PING : PONG, payload: random.bytes(length) },
    random,
  );
}

/** What the protocol forbids, or nearly so; around `payload`, which may be a good frame of STOMP. */
export function brokenWebSocket(payload: Buffer, random: Random): Buffer[] {
  const opcode = random.pick([TEXT, BINARY]);
  const frame = (parts: FrameParts) => webSocketFrame(parts, random);
  return random.pick<() => Buffer[]>([
    () => [frame({ opcode, payload, reserved: random.between(1, 7) })],
    () => [frame({ opcode: random.pick([3, 4, 5, 6, 7, 11, 12, 13, 14, 15]), payload })],
    () => [frame({ opcode, payload, isMasked: false })],
    () => [frame({ opcode: PING, payload: random.bytes(random.between(126, 300)) })],
    () => [frame({ opcode: PING, payload: random.bytes(125) })],
    () => [frame({ opcode: random.pick([PING, PONG, CLOSE]), isFinal: false })],
    () => [frame({ opcode: CONTINUATION, payload })],
    () => [frame({ opcode: TEXT, payload, isFinal: false }), frame({ opcode, payload })],
    () => [frame({ opcode: TEXT, payload, isFinal: false }), frame({ opcode: CONTINUATION })],
    () => [frame({ opcode, isFinal: false }), frame({ opcode: CONTINUATION, payload })],
    () => [frame({ opcode: TEXT, payload: Buffer.concat([payload, Buffer.of(0xc3, 0x28)]) })],
    () => [frame({ opcode: TEXT, payload: Buffer.concat([Buffer.of(0xed, 0xa0, 0x80), payload]) })],
    () => [frame({ opcode, payload, length: payload.length + random.between(1, 100) })],
    () => [frame({ opcode, payload, length: random.below(payload.length + 1) })],
    () => [frame({ opcode, payload, length: random.pick([2 ** 31, 2 ** 32, 2 ** 53, 2 ** 62]) })],
    () => [frame({ opcode, payload, lengthOctets: 8 })],
    () => [frame({ opcode, payload: Buffer.alloc(1_048_577) })],
    () => [frame({ opcode, payload: Buffer.alloc(0) })],
    () => [frame({ opcode: CLOSE, payload: closePayload(random) }), frame({ opcode, payload })],
    () => [random.bytes(random.between(2, 60))],
  ])();
}

function closePayload(random: Random): Buffer {
  const codes = [0, 999, 1000, 1001, 1004, 1005, 1006, 1007, 1012, 1015, 2999, 3000, 4999, 65_535];
  const code = Buffer.alloc(2);
  code.writeUInt16BE(random.pick(codes));
  return random.pick([
    () => Buffer.alloc(0),
    () => Buffer.of(3),
    () => code,
    () => Buffer.concat([code, Buffer.from("good-bye")]),
    () => Buffer.concat([code, Buffer.of(0xff, 0xfe)]),
    () => Buffer.concat([code, Buffer.alloc(123, "x")]),
  ])();
}
