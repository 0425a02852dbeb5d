import type { Clock, Timer } from "../clock.ts";
import type { Log } from "../log.ts";
import type { ChatStore } from "./ports.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;
/** The first run leaves the start of the server alone. */
const FIRST_RUN_MS = 10_000;
/** Few enough that a commit that comes meanwhile hardly notices. */
const PORTION_MESSAGES = 50;
/** The store's time between two portions belongs to commits. */
const PAUSE_MS = 10;

export interface RetentionOptions {
  readonly store: ChatStore;
  readonly clock: Clock;
  readonly log: Log;
  /** Messages older than this are removed; 0 removes none for its age. */
  readonly maxAgeDays: number;
  /** The last so many messages of each conversation are kept; 0 keeps all. */
  readonly messagesPerConversation: number;
  /** From the end of a run to the next one. */
  readonly intervalMs: number;
}

/**
 * Removes old messages, now and then, in portions between which the store commits. A run that ends
 * early, by a crash or because the store fails, has removed some of them; the next one goes on. It may
 * be stopped, and started again.
 */
export class Retention {
  readonly #options: RetentionOptions;
  #timer: Timer | null = null;
  #isStopped = false;
  #underWay: Promise<void> = Promise.resolve();

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  /** Runs soon, and again and again until it is stopped; never, where everything is kept. */
  start(): void {
    const { maxAgeDays, messagesPerConversation, intervalMs } = this.#options;
    if (maxAgeDays === 0 && messagesPerConversation === 0) return;
    this.#isStopped = false;
    this.#schedule(Math.min(FIRST_RUN_MS, intervalMs));
  }

  /** Resolves when the portion under way, if there is one, is done; there will be none after it. */
  stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    return this.#underWay;
  }

  #schedule(delayMs: number): void {
    this.#timer = this.#options.clock.schedule(delayMs, () => {
      const { clock, maxAgeDays, messagesPerConversation } = this.#options;
      this.#continue({
        beforeMs: maxAgeDays === 0 ? null : clock.now() - maxAgeDays * DAY_MS,
        keepLast: messagesPerConversation === 0 ? null : messagesPerConversation,
        after: null,
        removed: 0,
      });
    });
  }

  #continue(run: Run): void {
    this.#underWay = this.#portion(run);
  }

  async #portion(run: Run): Promise<void> {
    const { store, clock, log, intervalMs } = this.#options;
    const { beforeMs, keepLast, after } = run;
    let next: string | null = null;
    try {
      const portion = { beforeMs, keepLast, after, limit: PORTION_MESSAGES };
      const progress = await store.removeExpired(portion);
      next = progress.next;
      run.removed += progress.removed;
    } catch (err) {
      log.warn({ err }, "Old messages are not removed for now");
    }
    if (next === null && run.removed > 0) {
      log.info({ removed: run.removed }, "Old messages were removed");
    }
    if (this.#isStopped) return;
    if (next === null) this.#schedule(intervalMs);
    else {
      run.after = next;
      this.#timer = clock.schedule(PAUSE_MS, () => this.#continue(run));
    }
  }
}

interface Run {
  readonly beforeMs: number | null;
  readonly keepLast: number | null;
  /** Where the last portion ended. */
  after: string | null;
  removed: number;
}
