import type { BlobStore, ByteRange } from "../../src/attachments/blob-store.ts";
import { AppError } from "../../src/errors.ts";

/** Keeps nothing but keys, in the order of their coming; and fails when told to. */
export class RecordedBlobs implements BlobStore {
  readonly keys: string[] = [];
  /** Of those it can neither keep nor remove any. */
  failing: RegExp | null = null;

  async put(key: string): Promise<void> {
    this.#expectWorking(key);
    this.keys.push(key);
  }

  async read(key: string, _range: ByteRange): Promise<Blob | null> {
    return this.keys.includes(key) ? new Blob(["content"]) : null;
  }

  async remove(key: string): Promise<void> {
    this.#expectWorking(key);
    const at = this.keys.indexOf(key);
    if (at >= 0) this.keys.splice(at, 1);
  }

  #expectWorking(key: string): void {
    if (this.failing?.test(key)) throw new AppError("STORAGE_UNAVAILABLE", "as told");
  }
}
