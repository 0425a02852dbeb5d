import type { Clock } from "../clock.ts";
import { type BackOff, backOffMs } from "./back-off.ts";

export interface CircuitBreakerOptions {
  /** Sends at a time while the server is well, at least 1. */
  readonly concurrency: number;
  readonly clock: Pick<Clock, "now" | "monotonicMs">;
  readonly random: () => number;
}

/** That a server fails, and has not been seen to work again. */
export interface Outage {
  /** Epoch milliseconds. */
  readonly sinceMs: number;
  /** Of the failure by which it was noticed, for operators. */
  readonly reason: string;
}

/** So many failures in a row may be of single sends. */
const FAILURES_BORNE = 4;
const PAUSE: BackOff = { firstMs: 1_000, mostMs: 60_000 };

/**
 * How many sends a server is to bear. One that fails is left alone (the circuit is open), for longer
 * and longer, then tried by a single send (half-open), and given twice as many with each that
 * succeeds: neither it, as it comes back, nor the database is kept busy with failures.
 */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions;
  /** In a row. */
  #failures = 0;
  /** Since it bore all that it is to bear. */
  #pauses = 0;
  #outage: (Outage & { readonly fromMs: number }) | null = null;
  /** By the monotonic clock, as `fromMs` is. */
  #pausedUntilMs = Number.NEGATIVE_INFINITY;
  /** Sends at a time where it is not paused. */
  #most: number;

  constructor(options: CircuitBreakerOptions) {
    this.#options = options;
    this.#most = options.concurrency;
  }

  /** Sends at a time; 0: none before `pauseMs` is over. */
  get room(): number {
    return this.pauseMs > 0 ? 0 : this.#most;
  }

  get pauseMs(): number {
    return Math.max(0, this.#pausedUntilMs - this.#options.clock.monotonicMs());
  }

  /** null: it works, as far as is known. */
  get outage(): Outage | null {
    return this.#outage;
  }

  /** How long the outage has lasted; 0: there is none. */
  get outageMs(): number {
    return this.#outage === null ? 0 : this.#options.clock.monotonicMs() - this.#outage.fromMs;
  }

  /** There is nothing to remember of it. */
  get isUntouched(): boolean {
    return this.#failures === 0 && this.#pauses === 0 && this.pauseMs === 0;
  }

  /** Returns whether an outage ends with it. */
  succeeded(): boolean {
    const wasOut = this.#outage !== null;
    this.#outage = null;
    this.#failures = 0;
    this.#pausedUntilMs = Number.NEGATIVE_INFINITY;
    this.#most = Math.min(this.#options.concurrency, 2 * this.#most);
    if (this.#most === this.#options.concurrency) this.#pauses = 0;
    return wasOut;
  }

  /**
   * Of a send that the server is to blame for. Returns whether an outage begins with it.
   *
   * @param afterMs until when it asks to be left alone, from now; null: it does not say
   */
  failed(reason: string, afterMs: number | null): boolean {
    this.#failures += 1;
    if (this.pauseMs > 0) {
      // Begun before the pause: it says nothing new, but perhaps how long that is to be.
      if (this.#outage !== null) this.#pauseFor(afterMs ?? 0);
      return false;
    }
    if (this.#pauses === 0 && this.#failures <= FAILURES_BORNE) return false;
    const { clock, random } = this.#options;
    const begins = this.#outage === null;
    this.#outage ??= { sinceMs: clock.now(), fromMs: clock.monotonicMs(), reason };
    this.#pauses += 1;
    this.#most = 1;
    this.#pauseFor(Math.max(backOffMs(this.#pauses, PAUSE, random), afterMs ?? 0));
    return begins;
  }

  /** It asks to be left alone for so long, and is to be obeyed although it may work. */
  rest(ms: number): void {
    this.#most = 1;
    this.#pauseFor(ms);
  }

  #pauseFor(ms: number): void {
    const untilMs = this.#options.clock.monotonicMs() + ms;
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, untilMs);
  }
}
