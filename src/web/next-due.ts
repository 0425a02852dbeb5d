import type { Schedule } from "./timers.ts";

/** How late it is noticed at most that the machine has slept. It is also short enough for any timer. */
const LONGEST_WAIT_MS = 60_000;

export interface NextDueOptions {
  readonly schedule: Schedule;
  readonly now: () => number;
  /** The next moment at which something is due; null: there is none. */
  readonly next: () => number | null;
  /** Does all that is due. */
  readonly run: (nowMs: number) => void;
}

/** Does things when they are due, with one timer for the next of them. */
export class NextDue {
  readonly #options: NextDueOptions;
  #dueMs: number | null = null;
  #cancel: (() => void) | null = null;

  constructor(options: NextDueOptions) {
    this.#options = options;
  }

  /** Whenever something may have changed. */
  readonly look = (): void => {
    const { now, next, run } = this.#options;
    const dueMs = next();
    if (dueMs !== null && dueMs <= now()) {
      this.stop();
      run(now());
    } else if (dueMs !== this.#dueMs) {
      this.stop();
      this.#wait(dueMs);
    }
  };

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#dueMs = null;
  }

  #wait(dueMs: number | null): void {
    if (dueMs === null) return;
    const { schedule, now } = this.#options;
    this.#dueMs = dueMs;
    this.#cancel = schedule(Math.min(dueMs - now(), LONGEST_WAIT_MS), () => {
      this.stop();
      this.look();
    });
  }
}
