/** The folder of files of messages: where they come in, and are kept unless a bucket has them. */
export interface FilesFolder {
  readonly path: string;
  /** Before anything is written into it. Throws STORAGE_UNAVAILABLE. */
  make(): void;
  /**
   * What links to files are signed with, as long as there is the folder: what it has, or else `made`,
   * which it has from then on. Throws the system's error.
   */
  secret(made: string): string;
  /** The server ends. Idempotent. */
  close(): void;
}
