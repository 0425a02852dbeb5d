/** Of a file, the bytes from `start` on up to `end`, which is not among them. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Where the contents of files are kept, by keys of letters, digits, `-`, `.` and `/`. All of it rejects
 * with STORAGE_UNAVAILABLE where the store fails; what was asked may be done then, or not.
 */
export interface BlobStore {
  /**
   * Keeps what is in the file at `path`, which it may take away. Durable when it resolves; until then
   * nobody reads a part of it. In place of what is there under the key.
   */
  put(key: string, path: string): Promise<void>;
  /** The body of a response. null: there is none. `signal`: nobody waits for it any more. */
  read(key: string, range: ByteRange, signal: AbortSignal): Promise<Blob | ReadableStream | null>;
  /** A no-op where there is none. */
  remove(key: string): Promise<void>;
}

/** Ids end in random digits: those of a day do not share a folder. */
export function keyOf(id: string): string {
  return `${id.slice(-2)}/${id}`;
}

export function thumbnailKeyOf(id: string): string {
  return `${keyOf(id)}.thumbnail`;
}
