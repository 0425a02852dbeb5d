import { unavailable } from "./sqlite-errors.ts";
import type { StoreName } from "./sqlite-writer.ts";
import type { WriterClient } from "./sqlite-writer-client.ts";
import { WriterEnded } from "./sqlite-writer-thread.ts";

/**
 * The way of all stores of a database to its one writer: one commit at a time, in the order of their
 * coming. That is fair, since each store has no more than one under way.
 */
export class Commits {
  readonly #writer: WriterClient;
  /** Settled when the commits so far are. Never rejects. */
  #idle: Promise<void> = Promise.resolve();
  #isFinished = false;

  constructor(writer: WriterClient) {
    this.#writer = writer;
  }

  /**
   * `toJson` is asked for the batch when its turn comes; `isThere` whether the database has the
   * batch, should the writer end before it says so. Rejects with AppError STORAGE_UNAVAILABLE when
   * nothing was written.
   */
  commit(store: StoreName, toJson: () => string, isThere: () => boolean): Promise<void> {
    if (this.#isFinished) return Promise.reject(unavailable("the store is closed"));
    const done = this.#idle.then(() => this.#write(store, toJson(), isThere));
    this.#idle = done.catch(() => undefined);
    return done;
  }

  /** Takes no more commits; resolves when those under way are done. */
  finish(): Promise<void> {
    this.#isFinished = true;
    return this.#idle;
  }

  async #write(store: StoreName, json: string, isThere: () => boolean): Promise<void> {
    try {
      await this.#writer.commit(store, json);
    } catch (fault) {
      if (!(fault instanceof WriterEnded)) throw fault;
      // The writer ended before it answered; the database knows whether after the commit.
      if (!isThere()) throw unavailable("the store's writer ended in the commit", fault);
    }
  }
}
