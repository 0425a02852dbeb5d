import type { Clock, Timer } from "../clock.ts";
import type { Log } from "../log.ts";
import type { NoticeStore } from "./ports.ts";
import type { NoticeChannel } from "./provider.ts";

export interface NoticeClearingOptions {
  readonly store: Pick<NoticeStore, "expand" | "forgetWaiting">;
  /** Those that the server does not have. */
  readonly channels: readonly NoticeChannel[];
  /** Nobody is told of messages, by no channel and no webhook: what is in the outbox is of former days. */
  readonly clearsOutbox: boolean;
  readonly clock: Clock;
  readonly log: Log;
}

/** Entries of the outbox that one transaction takes. */
const PORTION = 200;
/** A store that is away is asked again so much later. */
const AGAIN_MS = 10_000;

/**
 * Forgets what was to be told by channels that were switched off: it would wait for ever, or be told,
 * late, when they are switched on again. Led work, done once after each start.
 */
export class NoticeClearing {
  readonly #options: NoticeClearingOptions;
  #isRunning = false;
  #cleared: Promise<void> = Promise.resolve();
  #timer: Timer | null = null;

  constructor(options: NoticeClearingOptions) {
    this.#options = options;
  }

  start(): void {
    this.#isRunning = true;
    this.#cleared = this.#clear();
  }

  /** Resolves when what is under way is done. */
  stop(): Promise<void> {
    this.#isRunning = false;
    this.#timer?.cancel();
    this.#timer = null;
    return this.#cleared;
  }

  async #clear(): Promise<void> {
    const { store, channels, clearsOutbox, clock, log } = this.#options;
    const nobody = { limit: PORTION, channels: [], webhooks: false };
    try {
      while (clearsOutbox && this.#isRunning) {
        if (!(await store.expand({ ...nobody, nowMs: clock.now() }))) break;
      }
      await store.forgetWaiting(channels);
    } catch (err) {
      if (!this.#isRunning) return;
      log.warn({ err }, "Notices of channels that are off stay: the store does not answer");
      this.#timer = clock.schedule(AGAIN_MS, () => this.start());
    }
  }
}
