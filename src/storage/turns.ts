import { AppError } from "../errors.ts";

/** One piece of work at a time, in the order of their coming, until they are finished. */
export class Turns {
  /** Settled when the work so far is. Never rejects. */
  #idle: Promise<void> = Promise.resolve();
  #isFinished = false;

  /** Rejects with AppError STORAGE_UNAVAILABLE when no more is taken. */
  take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isFinished) {
      return Promise.reject(new AppError("STORAGE_UNAVAILABLE", "the store is closed"));
    }
    const done = this.#idle.then(work);
    this.#idle = done.then(
      () => undefined,
      () => undefined,
    );
    return done;
  }

  /** Takes no more; resolves when what was taken is done. */
  finish(): Promise<void> {
    this.#isFinished = true;
    return this.#idle;
  }
}
