import type { Clock, Timer } from "../../src/clock.ts";

/** Time that moves when told to. Timers run in the order of their due times. */
export class FakeClock implements Clock {
  #nowMs: number;
  #timers: { dueMs: number; order: number; task: () => void }[] = [];
  #made = 0;

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startMs;
  }

  readonly now = (): number => this.#nowMs;

  schedule(delayMs: number, task: () => void): Timer {
    this.#made += 1;
    const timer = { dueMs: this.#nowMs + delayMs, order: this.#made, task };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const next = this.#timers
        .filter((timer) => timer.dueMs <= endMs)
        .sort((a, b) => a.dueMs - b.dueMs || a.order - b.order)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.task();
    }
    this.#nowMs = endMs;
  }
}
