import { AppError } from "../errors.ts";

/** One message that was delivered and waits for its acknowledgement. */
export interface Delivery {
  readonly messageId: string;
  /** What its publisher put on it. */
  readonly tag: unknown;
}

/** What one subscription has delivered and its client has not acknowledged, in the order of sending. */
export class Unacknowledged {
  /** All of them. A transaction's keep their places: taking them out and in again takes time. */
  readonly #deliveries = new Map<string, Delivery>();
  /** Acknowledged in transactions that are open. */
  readonly #inTransactions = new Set<Delivery>();

  get size(): number {
    return this.#deliveries.size;
  }

  has(messageId: string): boolean {
    return this.#waiting(messageId) !== undefined;
  }

  add(messageId: string, tag: unknown): void {
    // Sent again while a transaction has given it back, it stands behind the others.
    this.#deliveries.delete(messageId);
    this.#deliveries.set(messageId, { messageId, tag });
  }

  /**
   * What an ACK or NACK covers: with `cumulative` every message up to that one, else that one. Oldest
   * first, without those of transactions. Throws UNKNOWN_ACK when the message waits for none.
   */
  coveredBy(messageId: string, cumulative: boolean): Delivery[] {
    const named = this.#waiting(messageId);
    if (named === undefined) {
      throw new AppError("UNKNOWN_ACK", `No message ${messageId} waits for an acknowledgement`);
    }
    return cumulative ? this.#upTo(named) : [named];
  }

  /** They were acknowledged for good. */
  remove(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) {
      this.#inTransactions.delete(delivery);
      const { messageId } = delivery;
      if (this.#deliveries.get(messageId) === delivery) this.#deliveries.delete(messageId);
    }
  }

  /** They are a transaction's until it is committed (`remove`) or aborted (`restore`). */
  hold(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) this.#inTransactions.add(delivery);
  }

  restore(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) this.#inTransactions.delete(delivery);
  }

  /** The tags of all that is not acknowledged for good, oldest first. */
  *tags(): IterableIterator<unknown> {
    for (const { tag } of this.#deliveries.values()) yield tag;
  }

  /** Those of what is acknowledged in open transactions. */
  *heldTags(): IterableIterator<unknown> {
    for (const { tag } of this.#inTransactions) yield tag;
  }

  clear(): void {
    this.#deliveries.clear();
    this.#inTransactions.clear();
  }

  #waiting(messageId: string): Delivery | undefined {
    const delivery = this.#deliveries.get(messageId);
    return delivery === undefined || this.#inTransactions.has(delivery) ? undefined : delivery;
  }

  #upTo(last: Delivery): Delivery[] {
    const covered: Delivery[] = [];
    for (const delivery of this.#deliveries.values()) {
      if (!this.#inTransactions.has(delivery)) covered.push(delivery);
      if (delivery === last) break;
    }
    return covered;
  }
}
