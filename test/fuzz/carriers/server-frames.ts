export interface ServerFrame {
  /** FIN, reserved bits and opcode. */
  readonly head: number;
  readonly payload: Buffer;
}

/** The whole WebSocket frames at the beginning of what a server sent: they are not masked. */
export function readServerFrames(bytes: Buffer): { frames: ServerFrame[]; rest: Buffer } {
  const frames: ServerFrame[] = [];
  let at = 0;
  for (;;) {
    if (at + 2 > bytes.length) break;
    const short = bytes[at + 1] ?? 0;
    const extra = short === 126 ? 2 : short === 127 ? 8 : 0;
    if (at + 2 + extra > bytes.length) break;
    const length =
      extra === 0 ? short : bytes.readUIntBE(at + (extra === 2 ? 2 : 4), extra === 2 ? 2 : 6);
    const start = at + 2 + extra;
    if (start + length > bytes.length) break;
    frames.push({ head: bytes[at] ?? 0, payload: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return { frames, rest: bytes.subarray(at) };
}
