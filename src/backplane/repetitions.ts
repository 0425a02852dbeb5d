/** Of so many messages of a run it is known whether they have come. */
const WINDOW = 16_384;
/** Runs that are remembered, the newest: more than there are nodes. */
const MOST_RUNS = 256;

/** Tells messages that come by two ways from those that come for the first time. */
export class Repetitions {
  /** Where a number belongs stands the last one that came. */
  readonly #runs = new Map<string, Uint32Array>();

  /** True if the run's message of this number has come before. */
  has(run: string, number: number): boolean {
    const known = this.#runs.get(run);
    const window = known ?? emptyWindow();
    if (known === undefined) {
      this.#runs.set(run, window);
      this.#forget();
    }
    const place = number % WINDOW;
    if (window[place] === number) return true;
    window[place] = number;
    return false;
  }

  #forget(): void {
    if (this.#runs.size <= MOST_RUNS) return;
    for (const run of this.#runs.keys()) {
      this.#runs.delete(run);
      return;
    }
  }
}

/** In each place a number that does not belong there. */
function emptyWindow(): Uint32Array {
  return Uint32Array.from({ length: WINDOW }, (_, place) => place + 1);
}
