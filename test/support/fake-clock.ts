import type { Clock, Timer } from "../../src/clock.ts";

/** Time that moves when told to. Timers run in the order of their due times. */
export class FakeClock implements Clock {
  #monotonicMs = 0;
  /** The wall clock is so much ahead of the monotonic one. */
  #wallOffsetMs: number;
  #timers: { dueMs: number; order: number; task: () => void }[] = [];
  #made = 0;

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#wallOffsetMs = startMs;
  }

  readonly now = (): number => this.#monotonicMs + this.#wallOffsetMs;

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  /** Somebody sets the machine's clock, forwards or back. No time passes. */
  setWallBy(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  schedule(delayMs: number, task: () => void): Timer {
    this.#made += 1;
    const timer = { dueMs: this.#monotonicMs + delayMs, order: this.#made, task };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  /** Timers that were ever set. */
  get scheduledCount(): number {
    return this.#made;
  }

  advance(ms: number): void {
    const endMs = this.#monotonicMs + ms;
    for (;;) {
      const next = this.#timers
        .filter((timer) => timer.dueMs <= endMs)
        .sort((a, b) => a.dueMs - b.dueMs || a.order - b.order)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#monotonicMs = Math.max(this.#monotonicMs, next.dueMs);
      next.task();
    }
    this.#monotonicMs = endMs;
  }
}
