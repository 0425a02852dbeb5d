/** Bytes handed over after which other connections get their turn. */
const TURN_BYTES = 64 * 1024;
/** What a look at a conversation counts for, also where nothing is missing. */
const LOOK_BYTES = 512;

/** Keeps what is read for one connection from filling its send buffer, and from holding up others. */
export class ReaderPace {
  #turnBytes = 0;
  #resume: (() => void) | null = null;

  handedOver(bytes: number): void {
    this.#turnBytes += bytes;
  }

  /** Room for more: null at once, else a promise. `isFull`: it waits for `resume`. */
  pause(isFull: boolean): Promise<void> | null {
    if (isFull) {
      return new Promise((resolve) => {
        this.#resume = resolve;
      });
    }
    this.#turnBytes += LOOK_BYTES;
    if (this.#turnBytes < TURN_BYTES) return null;
    this.#turnBytes = 0;
    return new Promise((resolve) => setImmediate(resolve));
  }

  /** There may be room again, or nobody who takes anything. */
  resume(): void {
    this.#resume?.();
    this.#resume = null;
  }
}
