import type { Clock, Timer } from "../clock.ts";
import { toAppError } from "../errors.ts";
import type { NewId } from "../ids.ts";
import { presenceChanged } from "./webhook-events.ts";
import type { WebhookStore } from "./webhook-ports.ts";

export interface PresenceWebhooksOptions {
  readonly store: Pick<WebhookStore, "add">;
  /** Of events. */
  readonly newId: NewId;
  readonly clock: Clock;
  /** Events were added. */
  readonly onAdded: () => void;
  /** A fault that nobody else tells of. */
  readonly onFault: (fault: unknown) => void;
}

/** Changes so soon after others are added with them, of each user the latest. */
const GATHER_MS = 200;
/** Added in one transaction. */
const PORTION = 500;
const RETRY_MS = 1_000;

/**
 * Presence, for the app's back end. Every node hears of the presence of all users; the one that leads
 * adds it, from `start` to `stop`, so that it is told once. What changes in the moment in which another
 * node takes the lead may be missed, or told twice.
 */
export class PresenceWebhooks {
  readonly #options: PresenceWebhooksOptions;
  /** The latest of each user that is to be added: `/topic/presence`'s body, by user. */
  readonly #waiting = new Map<string, string>();
  #isRunning = false;
  #timer: Timer | null = null;
  #adding: Promise<void> = Promise.resolve();

  constructor(options: PresenceWebhooksOptions) {
    this.#options = options;
  }

  start(): void {
    this.#isRunning = true;
  }

  /** Resolves when what has changed is added; what cannot be is forgotten. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    this.#timer?.cancel();
    this.#timer = null;
    await this.#adding;
    if (this.#waiting.size > 0) await this.#add();
    this.#waiting.clear();
  }

  /** @param body as `/topic/presence` has it */
  changed(userId: string, body: string): void {
    if (!this.#isRunning) return;
    // Behind the others: it came last.
    this.#waiting.delete(userId);
    this.#waiting.set(userId, body);
    this.#addAfter(GATHER_MS);
  }

  #addAfter(delayMs: number): void {
    this.#timer ??= this.#options.clock.schedule(delayMs, () => {
      this.#adding = this.#add();
    });
  }

  async #add(): Promise<void> {
    const { store, newId, clock, onAdded, onFault } = this.#options;
    const changes = [...this.#waiting.entries().take(PORTION)];
    for (const [userId] of changes) this.#waiting.delete(userId);
    const nowMs = clock.now();
    let delayMs = 0;
    try {
      await store.add(
        changes.map(([userId, body]) => presenceChanged(newId(), userId, body, nowMs)),
      );
      onAdded();
    } catch (fault) {
      // That the store fails is known, and told of, elsewhere.
      if (toAppError(fault).code !== "STORAGE_UNAVAILABLE") onFault(fault);
      for (const [userId, body] of changes) {
        if (!this.#waiting.has(userId)) this.#waiting.set(userId, body);
      }
      delayMs = RETRY_MS;
    }
    this.#timer = null;
    if (this.#isRunning && this.#waiting.size > 0) this.#addAfter(delayMs);
  }
}
