import type { Clock } from "../clock.ts";

/** Lets a number of calls run at a time; others wait their turn, in order. */
export class CallSlots {
  #free: number;
  readonly #waiting = new Set<(hasSlot: boolean) => void>();

  constructor(
    limit: number,
    readonly maxWaiting: number,
    readonly clock: Clock,
  ) {
    this.#free = limit;
  }

  /**
   * true: the caller has a slot, and must `release` it. false: none came free in time, or too many
   * wait already.
   */
  acquire(timeoutMs: number): Promise<boolean> {
    if (this.#free > 0) {
      this.#free -= 1;
      return Promise.resolve(true);
    }
    if (this.#waiting.size >= this.maxWaiting) return Promise.resolve(false);
    return new Promise((resolve) => {
      const timer = this.clock.schedule(timeoutMs, () => settle(false));
      const settle = (hasSlot: boolean): void => {
        timer.cancel();
        this.#waiting.delete(settle);
        resolve(hasSlot);
      };
      this.#waiting.add(settle);
    });
  }

  /** The slot goes to whoever has waited longest. */
  release(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#free += 1;
    else next(true);
  }
}
