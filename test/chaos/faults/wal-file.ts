import { closeSync, openSync, readFileSync, readSync } from "node:fs";

/** What matters of SQLite's write-ahead log [https://sqlite.org/walformat.html]. */
export interface WalState {
  /** Both salts as one number; another value means that the log was begun anew. */
  readonly salts: bigint;
  /** Frames of this beginning. Those behind them, if any, are left over from an earlier one. */
  readonly frames: number;
  readonly frameBytes: number;
}

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const PAGE_SIZE_AT = 8;
const SALTS_AT = 16;
const FRAME_SALTS_AT = 8;

/** Null while the log is empty. */
export function walState(path: string): WalState | null {
  const file = openSync(path, "r");
  try {
    const header = Buffer.alloc(HEADER_BYTES);
    if (readSync(file, header, 0, HEADER_BYTES, 0) < HEADER_BYTES) return null;
    const salts = header.readBigUInt64BE(SALTS_AT);
    const frameBytes = FRAME_HEADER_BYTES + header.readUInt32BE(PAGE_SIZE_AT);
    const frame = Buffer.alloc(FRAME_HEADER_BYTES);
    for (let frames = 0; ; frames += 1) {
      const at = HEADER_BYTES + frames * frameBytes;
      const isThere = readSync(file, frame, 0, FRAME_HEADER_BYTES, at) === FRAME_HEADER_BYTES;
      if (!isThere || frame.readBigUInt64BE(FRAME_SALTS_AT) !== salts) {
        return { salts, frames, frameBytes };
      }
    }
  } finally {
    closeSync(file);
  }
}

export function endOf({ frames, frameBytes }: WalState): number {
  return HEADER_BYTES + frames * frameBytes;
}

const BACKFILL_ATTEMPTED_AT = 128;

/** Frames that a checkpoint has begun to copy into the database: they were synchronized before. */
export function checkpointedFrames(shmPath: string): number {
  return readFileSync(shmPath).readUInt32LE(BACKFILL_ATTEMPTED_AT);
}
