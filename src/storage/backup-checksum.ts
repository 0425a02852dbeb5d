import { appendFileSync, closeSync, openSync, readSync, statSync, truncateSync } from "node:fs";

/**
 * A line behind the database of a backup, which SQLite does not look at: so the file can be opened
 * like any other database, and a bit that has changed anywhere in it is noticed.
 */
const START = "\nParley backup; SHA-256 of all before this line: ";
const DIGEST_LENGTH = 64;
const LENGTH = START.length + DIGEST_LENGTH + 1;
/** Of SQLite's. A database is whole pages. */
const SMALLEST_PAGE_BYTES = 512;
const CHUNK_BYTES = 1024 * 1024;

/** Ends the file with its checksum. Throws the system's error. */
export function appendChecksum(path: string): void {
  appendFileSync(path, `${START}${digestOf(path, statSync(path).size)}\n`);
}

/**
 * `none`: there is no checksum. What stands behind the last whole page and is none is a broken one.
 * Throws the system's error.
 */
export function verifyChecksum(path: string): "right" | "wrong" | "none" {
  const line = checksumLine(path);
  if (line === null) return statSync(path).size % SMALLEST_PAGE_BYTES === 0 ? "none" : "wrong";
  const digest = digestOf(path, statSync(path).size - LENGTH);
  return line === `${START}${digest}\n` ? "right" : "wrong";
}

/** Cuts the checksum off, with which the file does not agree any more once it is written to. */
export function removeChecksum(path: string): void {
  if (checksumLine(path) !== null) truncateSync(path, statSync(path).size - LENGTH);
}

function checksumLine(path: string): string | null {
  const bytes = statSync(path).size;
  if (bytes < LENGTH) return null;
  const end = Buffer.alloc(LENGTH);
  reading(path, (descriptor) => readSync(descriptor, end, 0, LENGTH, bytes - LENGTH));
  const line = end.toString("latin1");
  return line.startsWith(START) ? line : null;
}

/** Of the first `bytes` bytes, in lower-case hexadecimal. */
function digestOf(path: string, bytes: number): string {
  const hasher = new Bun.CryptoHasher("sha256");
  const chunk = Buffer.alloc(CHUNK_BYTES);
  reading(path, (descriptor) => {
    for (let at = 0; at < bytes; ) {
      const count = readSync(descriptor, chunk, 0, Math.min(CHUNK_BYTES, bytes - at), at);
      if (count === 0) break;
      hasher.update(chunk.subarray(0, count));
      at += count;
    }
  });
  return hasher.digest("hex");
}

function reading(path: string, read: (descriptor: number) => void): void {
  const descriptor = openSync(path, "r");
  try {
    read(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
