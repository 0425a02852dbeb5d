import type { Clock, Timer } from "../clock.ts";

/** What the store did not take is offered again so much later. */
const AGAIN_MS = 1_000;

/** Where it is kept what has become of what was sent. */
interface Settled<Outcome> {
  settle(outcomes: readonly Outcome[]): Promise<void>;
}

/**
 * The way of outcomes to the store: many in one commit. What it does not take is offered until it
 * does, since what has no known outcome would be sent again.
 */
export class Settling<Outcome> {
  readonly #store: Settled<Outcome>;
  readonly #clock: Clock;
  readonly #onFault: (fault: unknown) => void;
  #outcomes: Outcome[] = [];
  #committed: (() => void)[] = [];
  #isCommitting = false;
  #isStopped = false;
  #timer: Timer | null = null;

  constructor(store: Settled<Outcome>, clock: Clock, onFault: (fault: unknown) => void) {
    this.#store = store;
    this.#clock = clock;
    this.#onFault = onFault;
  }

  /** Resolves when they are on disk, or `stop` has given them up. */
  add(outcomes: readonly Outcome[]): Promise<void> {
    this.#outcomes.push(...outcomes);
    return new Promise((resolve) => {
      this.#committed.push(resolve);
      if (!this.#isCommitting && this.#timer === null) void this.#commit();
    });
  }

  start(): void {
    this.#isStopped = false;
  }

  /** What the store does not take at once is given up from now on, and will be sent again. */
  stop(): void {
    this.#isStopped = true;
    if (this.#timer === null) return;
    this.#timer.cancel();
    this.#timer = null;
    this.#giveUp();
  }

  #giveUp(): void {
    this.#outcomes = [];
    for (const resolve of this.#committed.splice(0)) resolve();
  }

  async #commit(): Promise<void> {
    this.#isCommitting = true;
    while (this.#outcomes.length > 0) {
      const outcomes = this.#outcomes.splice(0);
      const committed = this.#committed.splice(0);
      try {
        await this.#store.settle(outcomes);
        for (const resolve of committed) resolve();
      } catch (fault) {
        this.#outcomes.unshift(...outcomes);
        this.#committed.unshift(...committed);
        this.#onFault(fault);
        if (this.#isStopped) {
          this.#giveUp();
          break;
        }
        this.#timer = this.#clock.schedule(AGAIN_MS, () => {
          this.#timer = null;
          void this.#commit();
        });
        break;
      }
    }
    this.#isCommitting = false;
  }
}
