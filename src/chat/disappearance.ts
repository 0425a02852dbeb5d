import type { Clock, Timer } from "../clock.ts";
import { toAppError } from "../errors.ts";
import type { ChatStore } from "./ports.ts";
import type { StoredMessage } from "./stored-chats.ts";

export interface DisappearanceOptions {
  readonly store: Pick<ChatStore, "disappearing">;
  readonly clock: Clock;
  /** Resolves when the message says nothing any more, on disk too. */
  readonly expire: (message: StoredMessage) => Promise<void>;
  /** Others keep messages in the store too: it is looked at no more rarely than this; null: none do. */
  readonly lookEveryMs: number | null;
  readonly onFault: (fault: unknown) => void;
}

/** Messages that disappear together. */
const PORTION = 100;
const RETRY_MS = 5_000;
/** A timer's longest time, and how late it is at most noticed that the machine's clock was set. */
const LONGEST_WAIT_MS = 60 * 60 * 1_000;

/**
 * Makes messages disappear when their time is over; those of a server's absence when it starts. It may
 * be stopped, and started again.
 */
export class Disappearance {
  readonly #options: DisappearanceOptions;
  #timer: Timer | undefined;
  /** When the timer runs out. */
  #dueMs = Number.POSITIVE_INFINITY;
  #isUnderWay = false;
  #underWay: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: DisappearanceOptions) {
    this.#options = options;
  }

  start(): void {
    this.#isStopped = false;
    this.#dueMs = Number.POSITIVE_INFINITY;
    this.expect(this.#options.clock.now());
  }

  /** A message will disappear then. */
  expect(expiresMs: number): void {
    if (expiresMs >= this.#dueMs || this.#isStopped) return;
    this.#dueMs = expiresMs;
    // The portion under way looks for what is next when it is done.
    if (!this.#isUnderWay) this.#schedule(expiresMs - this.#options.clock.now());
  }

  /** Resolves when the portion under way, if there is one, is done. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#underWay;
  }

  #schedule(waitMs: number): void {
    this.#timer?.cancel();
    const delayMs = Math.min(Math.max(waitMs, 0), LONGEST_WAIT_MS);
    this.#timer = this.#options.clock.schedule(delayMs, () => {
      this.#underWay = this.#portion();
    });
  }

  async #portion(): Promise<void> {
    const { store, clock, expire, lookEveryMs, onFault } = this.#options;
    this.#isUnderWay = true;
    this.#dueMs = Number.POSITIVE_INFINITY;
    let retryMs = 0;
    try {
      const messages = await store.disappearing(PORTION);
      const nowMs = clock.now();
      const isOver = ({ expiresMs }: StoredMessage) => expiresMs !== null && expiresMs <= nowMs;
      const over = messages.filter(isOver);
      await Promise.all(over.map(expire));
      const later = messages.find((message) => !isOver(message))?.expiresMs;
      // Where all of a portion are over, there may be more of them.
      const next = later ?? (over.length === PORTION ? nowMs : null);
      this.#dueMs = Math.min(this.#dueMs, next ?? Number.POSITIVE_INFINITY);
    } catch (fault) {
      // That the store fails is known, and told of, elsewhere.
      if (toAppError(fault).code !== "STORAGE_UNAVAILABLE") onFault(fault);
      retryMs = RETRY_MS;
      this.#dueMs = clock.now();
    }
    this.#isUnderWay = false;
    if (lookEveryMs !== null) this.#dueMs = Math.min(this.#dueMs, clock.now() + lookEveryMs);
    if (this.#isStopped || this.#dueMs === Number.POSITIVE_INFINITY) return;
    this.#schedule(Math.max(this.#dueMs - clock.now(), retryMs));
  }
}
