import type { Latencies } from "./latencies.ts";

/**
 * States that flip between off and on, and whether those who watch know the latest. What lies between
 * may be left out by the server; the last one may not.
 *
 * An event carries no number: it is taken for the latest flip, or the one before, that has its state.
 * So a subject must flip more seldom than the server is behind, or the times look better than they are.
 */
export class Signals {
  readonly #times: Latencies;
  readonly #watchers: number;
  /** By subject: how often it has flipped, and when the last two flips were due. */
  readonly #flips: number[];
  readonly #dueMs: number[];
  readonly #dueBeforeMs: number[];
  /** By subject and watcher: the flip that was seen last. */
  readonly #seen: Uint32Array;
  /** By subject: how many watchers know its latest state. */
  readonly #informed: number[];
  #unseen = 0;

  /** @param watchers of each subject */
  constructor(times: Latencies, subjects: number, watchers: number) {
    this.#times = times;
    this.#watchers = watchers;
    this.#flips = Array<number>(subjects).fill(0);
    this.#dueMs = Array<number>(subjects).fill(0);
    this.#dueBeforeMs = Array<number>(subjects).fill(0);
    this.#seen = new Uint32Array(subjects * watchers);
    this.#informed = Array<number>(subjects).fill(watchers);
  }

  /** How many latest states have not come to a watcher. */
  get unseen(): number {
    return this.#unseen;
  }

  /** The new state. */
  flip(subject: number, dueMs: number): boolean {
    const flips = (this.#flips[subject] ?? 0) + 1;
    this.#flips[subject] = flips;
    this.#dueBeforeMs[subject] = this.#dueMs[subject] ?? dueMs;
    this.#dueMs[subject] = dueMs;
    this.#unseen += this.#informed[subject] ?? 0;
    this.#informed[subject] = 0;
    return flips % 2 === 1;
  }

  saw(subject: number, watcher: number, isOn: boolean, nowMs: number): void {
    const latest = this.#flips[subject] ?? 0;
    const isLatest = (latest % 2 === 1) === isOn;
    const flip = isLatest ? latest : latest - 1;
    const at = subject * this.#watchers + watcher;
    if (flip <= (this.#seen[at] ?? 0)) return;
    this.#seen[at] = flip;
    const dueMs = (isLatest ? this.#dueMs : this.#dueBeforeMs)[subject] ?? Number.NaN;
    this.#times.record(nowMs - dueMs);
    if (!isLatest) return;
    this.#informed[subject] = (this.#informed[subject] ?? 0) + 1;
    this.#unseen -= 1;
  }
}
