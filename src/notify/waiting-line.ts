/** However many wait, each has its turn within this time, if only to be put off again. */
const LONGEST_MS = 60_000;
/** Between two turns, at least. */
const SHORTEST_MS = 10;

/** Who has to wait for the same gets turns one after the other, so that not all come back at once. */
export class WaitingLine {
  readonly #random: () => number;
  #lastMs = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  /**
   * @param fromMs epoch milliseconds: the first turn is no earlier
   * @param apartMs how long each is expected to take
   * @returns epoch milliseconds, a whole number after `fromMs`
   */
  turnMs(fromMs: number, apartMs: number): number {
    const turnMs = Math.max(this.#lastMs, fromMs) + Math.max(SHORTEST_MS, apartMs);
    if (turnMs > fromMs + LONGEST_MS) return Math.ceil(fromMs + 1 + this.#random() * LONGEST_MS);
    this.#lastMs = turnMs;
    return Math.ceil(turnMs);
  }

  /** Nobody has to wait any more: who has a turn keeps it. */
  clear(): void {
    this.#lastMs = 0;
  }
}
