import type { AddedAgain, WebhookStore } from "./webhook-ports.ts";

/** Messages in one transaction: commits of others come between. */
const TRANSACTION = 500;
/** In one call of `add`, whose caller waits. */
const TRANSACTIONS = 20;

/** Tells the app's back end anew of messages that it has not taken, or has lost. */
export class WebhookReplay {
  readonly #store: Pick<WebhookStore, "addAgain">;
  readonly #onAdded: () => void;

  /** @param onAdded events were added */
  constructor(store: Pick<WebhookStore, "addAgain">, onAdded: () => void) {
    this.#store = store;
    this.#onAdded = onAdded;
  }

  /**
   * Adds the events of some of the messages from that time on, behind that one; null begins with the
   * first. Resolves with how many, and where the next call goes on. Rejects with AppError
   * STORAGE_UNAVAILABLE, and some may have been added: from there again, they are told twice.
   */
  async add(fromMs: number, after: string | null): Promise<AddedAgain> {
    let count = 0;
    let next = after;
    for (let done = 0; done < TRANSACTIONS; done += 1) {
      const added = await this.#store.addAgain(fromMs, next, TRANSACTION);
      count += added.count;
      next = added.next;
      if (added.count > 0) this.#onAdded();
      if (next === null) break;
    }
    return { count, next };
  }
}
