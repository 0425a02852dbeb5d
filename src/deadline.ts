import type { Clock } from "./clock.ts";

/** A moment by which several steps have to be done together. */
export class Deadline {
  readonly #clock: Clock;
  readonly #endMs: number;

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#endMs = clock.monotonicMs() + timeoutMs;
  }

  /** Resolves when the step is done or the moment has come. Rejects as the step does. */
  async allows(step: Promise<unknown>): Promise<void> {
    const late = Promise.withResolvers<void>();
    const leftMs = Math.max(0, this.#endMs - this.#clock.monotonicMs());
    const timer = this.#clock.schedule(leftMs, late.resolve);
    try {
      await Promise.race([step, late.promise]);
    } finally {
      timer.cancel();
    }
  }
}
