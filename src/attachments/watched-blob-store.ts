import type { Log } from "../log.ts";
import type { BlobStore, ByteRange } from "./blob-store.ts";

/** Says in the log when the store begins to fail, and why, and when it works again. */
export class WatchedBlobStore implements BlobStore {
  readonly #inner: BlobStore;
  readonly #log: Log;
  #isFailing = false;

  constructor(inner: BlobStore, log: Log) {
    this.#inner = inner;
    this.#log = log;
  }

  put(key: string, path: string) {
    return this.#watched(() => this.#inner.put(key, path));
  }

  read(key: string, range: ByteRange, signal: AbortSignal) {
    return this.#watched(() => this.#inner.read(key, range, signal), signal);
  }

  remove(key: string) {
    return this.#watched(() => this.#inner.remove(key));
  }

  async #watched<Result>(action: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    try {
      const result = await action();
      if (this.#isFailing) this.#log.info({}, "The store of files works again");
      this.#isFailing = false;
      return result;
    } catch (err) {
      const isGivenUp = signal?.aborted === true;
      if (!this.#isFailing && !isGivenUp) {
        this.#log.error({ err }, "The store of files fails: what needs it is refused");
      }
      this.#isFailing ||= !isGivenUp;
      throw err;
    }
  }
}
