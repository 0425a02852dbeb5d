import type { Clock, Timer } from "./clock.ts";
import type { AppError } from "./errors.ts";

/** How long after a failure the store is asked again. */
const PAUSE_MS = 1_000;

export interface StoreRecoveryOptions {
  readonly clock: Clock;
  /** A commit is under way, or is started because something waits for it; its outcome is reported. */
  readonly commits: () => boolean;
  /** Writes something of no consequence. */
  readonly probe: () => Promise<void>;
  /** Commits fail from now on, and why; null: they succeed again. */
  readonly changed: (error: AppError | null) => void;
}

/**
 * Whether a journal's store works, by the outcomes of its commits. A store that fails is asked again
 * and again, also when there is nothing to write, until it succeeds.
 */
export class StoreRecovery {
  readonly #options: StoreRecoveryOptions;
  #isFailing = false;
  #isStopped = false;
  #timer: Timer | null = null;

  constructor(options: StoreRecoveryOptions) {
    this.#options = options;
  }

  /** The last commit, or the probe after it, failed. */
  get isFailing(): boolean {
    return this.#isFailing;
  }

  succeeded(): void {
    this.#timer?.cancel();
    if (!this.#isFailing) return;
    this.#isFailing = false;
    this.#options.changed(null);
  }

  failed(error: AppError): void {
    this.#askLater();
    if (this.#isFailing) return;
    this.#isFailing = true;
    this.#options.changed(error);
  }

  /** A commit ended in a way that says nothing of the store. */
  undecided(): void {
    if (this.#isFailing) this.#askLater();
  }

  /** Asks no more. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #askLater(): void {
    this.#timer?.cancel();
    if (this.#isStopped) return;
    this.#timer = this.#options.clock.schedule(PAUSE_MS, () => this.#ask());
  }

  #ask(): void {
    const { commits, probe } = this.#options;
    if (commits()) return;
    probe().then(
      () => this.succeeded(),
      () => {
        // A commit may have succeeded while the probe waited for its answer.
        this.undecided();
      },
    );
  }
}
