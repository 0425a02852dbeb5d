import { type BackOff, backOffMs } from "./back-off.ts";

/** Of those that failed last: who has more of them than this would have them tried too often only. */
const MOST_KEPT = 10_000;

interface Rest {
  readonly failures: number;
  readonly untilMs: number;
}

/**
 * Targets that fail are left alone for a while, longer each time, with all that they are to be told:
 * one that hangs, and is told of a hundred conversations, does not take a hundred sends' time.
 */
export class TargetRests {
  readonly #backOff: BackOff;
  readonly #random: () => number;
  readonly #rests = new Map<string, Rest>();

  constructor(backOff: BackOff, random: () => number) {
    this.#backOff = backOff;
    this.#random = random;
  }

  /** Epoch milliseconds; 0: it does not rest. */
  untilMs(targetId: string): number {
    return this.#rests.get(targetId)?.untilMs ?? 0;
  }

  failed(targetId: string, nowMs: number): void {
    const failures = (this.#rests.get(targetId)?.failures ?? 0) + 1;
    // Behind the others: the one that failed first is forgotten first.
    this.#rests.delete(targetId);
    const untilMs = nowMs + backOffMs(failures, this.#backOff, this.#random);
    this.#rests.set(targetId, { failures, untilMs });
    const [oldest] = this.#rests.keys();
    if (this.#rests.size > MOST_KEPT && oldest !== undefined) this.#rests.delete(oldest);
  }

  /** It has answered. */
  answered(targetId: string): void {
    this.#rests.delete(targetId);
  }
}
