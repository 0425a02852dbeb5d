import type { Clock, Timer } from "../clock.ts";
import type { EventWebhookSubject } from "../config.ts";
import { toAppError } from "../errors.ts";
import type { NewId } from "../ids.ts";
import { presenceChanged } from "./webhook-events.ts";
import type { WebhookEvent, WebhookStore } from "./webhook-ports.ts";

export interface WebhookAdditionsOptions {
  readonly store: Pick<WebhookStore, "add">;
  /** What the app's back end is told of. */
  readonly subjects: readonly string[];
  /** Of events. */
  readonly newId: NewId;
  readonly clock: Clock;
  /** Events were added. */
  readonly onAdded: () => void;
  /** A fault that nobody else tells of. */
  readonly onFault: (fault: unknown) => void;
}

/** What comes so soon after others is added with them. */
const GATHER_MS = 200;
/** Added in one transaction. */
const PORTION = 500;
const RETRY_MS = 1_000;

/**
 * Presence, for the app's back end. Every node hears of that of all users; the one that leads adds it,
 * from `start` to `stop`, so that it is told once. What changes in the moment in which another node
 * takes the lead may be missed.
 */
export class WebhookAdditions {
  readonly #options: WebhookAdditionsOptions;
  /** What is to be added: of each user's presence the latest. */
  readonly #waiting = new Map<string, WebhookEvent>();
  #isRunning = false;
  #timer: Timer | null = null;
  #adding: Promise<void> = Promise.resolve();

  constructor(options: WebhookAdditionsOptions) {
    this.#options = options;
  }

  start(): void {
    this.#isRunning = true;
  }

  /** Resolves when what has happened is added; what cannot be is forgotten. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    this.#timer?.cancel();
    this.#timer = null;
    await this.#adding;
    for (let left = Number.POSITIVE_INFINITY; this.#waiting.size > 0; ) {
      if (this.#waiting.size >= left) break; // The store takes nothing.
      left = this.#waiting.size;
      await this.#add();
    }
    this.#waiting.clear();
  }

  /** @param body as `/topic/presence` has it */
  presenceChanged(userId: string, body: string): void {
    if (!this.#takes("presence")) return;
    const { newId, clock } = this.#options;
    this.#put(`presence of ${userId}`, presenceChanged(newId(), userId, body, clock.now()));
  }

  #takes(subject: EventWebhookSubject): boolean {
    return this.#isRunning && this.#options.subjects.includes(subject);
  }

  #put(key: string, event: WebhookEvent): void {
    // Behind the others: it came last.
    this.#waiting.delete(key);
    this.#waiting.set(key, event);
    this.#addAfter(GATHER_MS);
  }

  #addAfter(delayMs: number): void {
    this.#timer ??= this.#options.clock.schedule(delayMs, () => {
      this.#adding = this.#add();
    });
  }

  async #add(): Promise<void> {
    const { store, onAdded, onFault } = this.#options;
    const portion = [...this.#waiting.entries().take(PORTION)];
    for (const [key] of portion) this.#waiting.delete(key);
    let delayMs = 0;
    try {
      await store.add(portion.map(([, event]) => event));
      onAdded();
    } catch (fault) {
      // That the store fails is known, and told of, elsewhere.
      if (toAppError(fault).code !== "STORAGE_UNAVAILABLE") onFault(fault);
      for (const [key, event] of portion) {
        if (!this.#waiting.has(key)) this.#waiting.set(key, event);
      }
      delayMs = RETRY_MS;
    }
    this.#timer = null;
    if (this.#isRunning && this.#waiting.size > 0) this.#addAfter(delayMs);
  }
}
