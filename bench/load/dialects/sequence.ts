import type { PeerFaults } from "./work.ts";

/**
 * What one receiver has got of the messages that are meant for it, numbered `first`, `first + step`,
 * `first + 2 * step` and so on. Servers that promise no order are taken as they are: a message that
 * was overtaken is disordered, not lost.
 */
export class Sequence {
  readonly #step: number;
  readonly #faults: PeerFaults;
  readonly #overtaken = new Set<number>();
  #next: number;

  constructor(first: number, step: number, faults: PeerFaults) {
    this.#next = first;
    this.#step = step;
    this.#faults = faults;
  }

  /** False when it was there before. */
  take(index: number): boolean {
    if (index === this.#next) {
      this.#next += this.#step;
      return true;
    }
    if (index < this.#next) return this.#takeLate(index);
    for (; this.#next < index; this.#next += this.#step) this.#overtaken.add(this.#next);
    this.#next += this.#step;
    return true;
  }

  /** Counts what has not come of the messages below `end` as lost; they are not waited for. */
  close(end: number): void {
    this.#faults.lost += this.#overtaken.size;
    this.#overtaken.clear();
    if (this.#next >= end) return;
    const missing = Math.ceil((end - this.#next) / this.#step);
    this.#faults.lost += missing;
    this.#next += missing * this.#step;
  }

  #takeLate(index: number): boolean {
    if (this.#overtaken.delete(index)) {
      this.#faults.disordered += 1;
      return true;
    }
    this.#faults.doubled += 1;
    return false;
  }
}
