import type { Clock } from "../clock.ts";

export interface CircuitBreakerOptions {
  /** So many failures in a row, within the window, open it. */
  readonly failures: number;
  readonly windowMs: number;
  /** How long it stays open; then one call tries whether it may close. */
  readonly pauseMs: number;
  readonly clock: Clock;
  readonly onOpened: () => void;
  readonly onClosed: () => void;
}

/** How a call that was let through went. */
export type Outcome = "succeeded" | "failed";

/** Keeps calls from a peer that does not answer: they would wait in vain, and keep it down. */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions;
  /** When calls failed since the last that did not. */
  #failedMs: number[] = [];
  #openedMs: number | null = null;
  #isProbing = false;

  constructor(options: CircuitBreakerOptions) {
    this.#options = options;
  }

  /** No call is let through now. */
  get isOpen(): boolean {
    if (this.#openedMs === null) return false;
    const { clock, pauseMs } = this.#options;
    return this.#isProbing || clock.monotonicMs() - this.#openedMs < pauseMs;
  }

  /** A call may begin: how it ends is to be told once. null: it may not. */
  admit(): ((outcome: Outcome) => void) | null {
    if (this.isOpen) return null;
    if (this.#openedMs === null) return (outcome) => this.#ended(outcome);
    this.#isProbing = true;
    return (outcome) => this.#probed(outcome);
  }

  #ended(outcome: Outcome): void {
    if (this.#openedMs !== null) return; // It began before others failed; the probe decides.
    if (outcome === "succeeded") {
      this.#failedMs = [];
      return;
    }
    const { clock, windowMs, failures, onOpened } = this.#options;
    const nowMs = clock.monotonicMs();
    this.#failedMs = [...this.#failedMs.filter((ms) => nowMs - ms < windowMs), nowMs];
    if (this.#failedMs.length < failures) return;
    this.#openedMs = nowMs;
    onOpened();
  }

  #probed(outcome: Outcome): void {
    this.#isProbing = false;
    this.#openedMs = this.#options.clock.monotonicMs();
    if (outcome === "failed") return;
    this.#openedMs = null;
    this.#failedMs = [];
    this.#options.onClosed();
  }
}
