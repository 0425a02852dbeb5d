import type { Clock, Timer } from "../clock.ts";

/** Before what could not be decided is looked up again. */
const AGAIN_MS = 50;
/** After a failure. */
const RETRY_MS = 1_000;

export interface RenewalOptions<Item> {
  readonly clock: Clock;
  /** Looked up together, at most. */
  readonly most: number;
  /** Resolves with those that are to be looked up again, soon. */
  readonly look: (items: readonly Item[]) => Promise<readonly Item[]>;
  readonly keyOf: (item: Item) => string;
  /** They are looked up again. */
  readonly onFault: (fault: unknown) => void;
}

/**
 * Looks up in the store what others say has changed, until it succeeds. There is one look at a time,
 * which begins after the telling: so the last one finds what was last changed. What comes during one
 * is looked up together after it.
 */
export class Renewal<Item> {
  readonly #options: RenewalOptions<Item>;
  readonly #due = new Map<string, Item>();
  #isBusy = false;
  #isStopped = false;
  #timer: Timer | null = null;

  constructor(options: RenewalOptions<Item>) {
    this.#options = options;
  }

  add(item: Item): void {
    this.#due.set(this.#options.keyOf(item), item);
    if (!this.#isBusy) void this.#run();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  async #run(): Promise<void> {
    this.#isBusy = true;
    while (this.#due.size > 0 && !this.#isStopped) {
      const items = this.#take();
      const pauseMs = await this.#look(items);
      if (pauseMs > 0 && !this.#isStopped) await this.#pause(pauseMs);
    }
    this.#isBusy = false;
  }

  #take(): Item[] {
    const items: Item[] = [];
    for (const [key, item] of this.#due) {
      if (items.length === this.#options.most) break;
      items.push(item);
      this.#due.delete(key);
    }
    return items;
  }

  /** How long to wait before the next one. */
  async #look(items: readonly Item[]): Promise<number> {
    const { look, keyOf, onFault } = this.#options;
    let [again, pauseMs] = [items, RETRY_MS];
    try {
      again = await look(items);
      pauseMs = again.length > 0 ? AGAIN_MS : 0;
    } catch (fault) {
      onFault(fault);
    }
    for (const item of again) this.#due.set(keyOf(item), item);
    return pauseMs;
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#timer = this.#options.clock.schedule(ms, resolve);
    });
  }
}
