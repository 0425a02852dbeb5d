import type { Clock } from "../clock.ts";
import { type BackOff, backOffMs } from "./back-off.ts";

export interface WebhookPaceOptions {
  /** Calls at a time while the endpoint is well. */
  readonly concurrency: number;
  readonly clock: Clock;
  readonly random: () => number;
}

/** So many failures in a row may be of single events. */
const FAILURES_BORNE = 4;
const PAUSE: BackOff = { firstMs: 1_000, mostMs: 60_000 };

/**
 * How many calls the endpoint is to bear. One that fails is left alone for longer and longer, and then
 * tried by a single call: neither it, as it comes back, nor the database is kept busy with failures.
 */
export class WebhookPace {
  readonly #options: WebhookPaceOptions;
  #failures = 0;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: WebhookPaceOptions) {
    this.#options = options;
  }

  /** Calls at a time; 0: none before `pauseMs` is over. */
  get room(): number {
    if (this.pauseMs > 0) return 0;
    return this.#isFailing ? 1 : this.#options.concurrency;
  }

  get pauseMs(): number {
    return Math.max(0, this.#pausedUntilMs - this.#options.clock.monotonicMs());
  }

  /** Returns whether it had been failing. */
  succeeded(): boolean {
    const wasFailing = this.#isFailing;
    this.#failures = 0;
    this.#pausedUntilMs = Number.NEGATIVE_INFINITY;
    return wasFailing;
  }

  /**
   * Returns whether it is failing since now.
   *
   * @param afterMs what it asked for itself; null: nothing
   */
  failed(afterMs: number | null): boolean {
    const wasFailing = this.#isFailing;
    this.#failures += 1;
    const { random, clock } = this.#options;
    const ownMs = this.#isFailing ? backOffMs(this.#failures - FAILURES_BORNE, PAUSE, random) : 0;
    const untilMs = clock.monotonicMs() + Math.max(ownMs, afterMs ?? 0);
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, untilMs);
    return this.#isFailing && !wasFailing;
  }

  get #isFailing(): boolean {
    return this.#failures > FAILURES_BORNE;
  }
}
