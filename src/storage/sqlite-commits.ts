import type { ExpiryPortion, ExpiryProgress } from "../chat/ports.ts";
import { unavailable } from "./sqlite-errors.ts";
import { ThreadEnded } from "./sqlite-thread.ts";
import type { StoreName, WriteRequest, WriterAnswer } from "./sqlite-writer.ts";
import type { WriterClient } from "./sqlite-writer-client.ts";
import { Turns } from "./turns.ts";

/**
 * The way of all stores of a database to its one writer: one commit at a time, in the order of their
 * coming. That is fair, since each store has one or two under way; but for revocations, which are
 * the back end's.
 */
export class Commits {
  readonly #writer: WriterClient;
  readonly #turns = new Turns();

  constructor(writer: WriterClient) {
    this.#writer = writer;
  }

  /**
   * `toJson` is asked for the batch when its turn comes; `isThere` whether the database has the
   * batch, should the writer end before it says so. What is not synced a power cut may undo. Rejects with AppError STORAGE_UNAVAILABLE when
   * nothing was written.
   */
  commit(
    store: StoreName,
    toJson: () => string,
    isThere: () => boolean,
    isSynced = true,
  ): Promise<void> {
    return this.#turns.take(async () => {
      try {
        await this.#writer.request({ kind: "commit", store, batch: toJson(), isSynced });
      } catch (fault) {
        // Where the writer ended before it answered, the database knows whether after the commit.
        if (!(fault instanceof ThreadEnded) || !isThere()) throw asUnavailable(fault);
      }
    });
  }

  /** Rejects with AppError STORAGE_UNAVAILABLE when nothing was removed, or the writer ended. */
  removeExpired(portion: ExpiryPortion): Promise<ExpiryProgress> {
    return this.#turns.take(async () => {
      const answer = await this.#request({ kind: "remove-expired", portion });
      if (answer === null || !("expiry" in answer)) {
        throw unavailable("the store's writer did not say what it removed");
      }
      return answer.expiry;
    });
  }

  /**
   * A portion of what is not indexed yet; resolves with whether there is more to be done. Rejects
   * with AppError STORAGE_UNAVAILABLE when nothing was done, or the writer ended.
   */
  index(): Promise<boolean> {
    return this.#turns.take(async () => {
      const answer = await this.#request({ kind: "index" });
      return answer !== null && "hasMore" in answer && answer.hasMore;
    });
  }

  /** Rejects with AppError STORAGE_UNAVAILABLE unless something was written durably. */
  probe(): Promise<void> {
    return this.#turns.take(async () => {
      await this.#request({ kind: "probe" });
    });
  }

  /** Takes no more commits; resolves when those under way are done. */
  finish(): Promise<void> {
    return this.#turns.finish();
  }

  #request(request: WriteRequest): Promise<WriterAnswer> {
    return this.#writer.request(request).catch((fault: unknown) => {
      throw asUnavailable(fault);
    });
  }
}

function asUnavailable(fault: unknown): unknown {
  if (!(fault instanceof ThreadEnded)) return fault;
  return unavailable("the store's writer ended in the write", fault);
}
