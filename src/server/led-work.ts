import type { Leadership } from "../chat/leadership.ts";

/** Something that goes on in the background from `start` to `stop`, which may follow again. */
export interface Worker {
  start(): void;
  /** Resolves when what is under way is done; nothing follows it. */
  stop(): Promise<void>;
}

/** Work in the background that one node alone does: begins where and while this node leads. */
export class LedWork {
  readonly #leadership: Leadership;
  readonly #workers: readonly Worker[];
  #isEnded = false;
  #isRunning = false;
  /** One change after the other: nothing begins before what is under way is done. */
  #turn: Promise<void> = Promise.resolve();

  constructor(leadership: Leadership, workers: readonly Worker[]) {
    this.#leadership = leadership;
    this.#workers = workers;
  }

  start(): void {
    this.#leadership.onChange(() => void this.#follow());
    void this.#leadership.seek();
    void this.#follow();
  }

  /** For good. Resolves when what is under way is done. */
  stop(): Promise<void> {
    this.#isEnded = true;
    return this.#follow();
  }

  get #isWanted(): boolean {
    return this.#leadership.isLeader && !this.#isEnded;
  }

  #follow(): Promise<void> {
    if (!this.#isWanted) {
      this.#isRunning = false;
      void this.#stopAll(); // At once, whatever is being waited for.
    }
    this.#turn = this.#turn.then(() => this.#begin());
    return this.#turn;
  }

  async #begin(): Promise<void> {
    if (this.#isRunning) return;
    await this.#stopAll();
    if (!this.#isWanted) return;
    this.#isRunning = true;
    for (const worker of this.#workers) worker.start();
  }

  async #stopAll(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.stop()));
  }
}
