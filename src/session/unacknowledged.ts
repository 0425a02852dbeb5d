import { AppError } from "../errors.ts";

/** One message that was delivered and waits for its acknowledgement. */
export interface Delivery {
  readonly messageId: string;
  /** What its publisher put on it. */
  readonly tag: unknown;
  readonly ordinal: number;
}

/** What one subscription has delivered and its client has not acknowledged, in the order of sending. */
export class Unacknowledged {
  #waiting = new Map<string, Delivery>();
  /** Acknowledged in transactions that are open. */
  readonly #inTransactions = new Set<Delivery>();
  #added = 0;

  get size(): number {
    return this.#waiting.size + this.#inTransactions.size;
  }

  has(messageId: string): boolean {
    return this.#waiting.has(messageId);
  }

  add(messageId: string, tag: unknown): void {
    this.#added += 1;
    this.#waiting.set(messageId, { messageId, tag, ordinal: this.#added });
  }

  /**
   * Removes what an ACK or NACK covers: with `cumulative` every message up to that one, else that
   * one. Oldest first. Throws UNKNOWN_ACK when the message waits for none.
   */
  take(messageId: string, cumulative: boolean): Delivery[] {
    const named = this.#waiting.get(messageId);
    if (named === undefined) {
      throw new AppError("UNKNOWN_ACK", `No message ${messageId} waits for an acknowledgement`);
    }
    const taken = cumulative ? this.#upTo(named) : [named];
    for (const delivery of taken) this.#waiting.delete(delivery.messageId);
    return taken;
  }

  /** They are a transaction's until it ends. */
  hold(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) this.#inTransactions.add(delivery);
  }

  /** The transaction that held them was committed. */
  release(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) this.#inTransactions.delete(delivery);
  }

  /** The transaction that held them was aborted: they wait again, in their old places. */
  restore(deliveries: readonly Delivery[]): void {
    this.release(deliveries);
    const all = [...deliveries, ...this.#waiting.values()];
    all.sort((a, b) => a.ordinal - b.ordinal);
    this.#waiting = new Map(all.map((delivery) => [delivery.messageId, delivery]));
  }

  /** The tags of all that is not acknowledged for good. */
  *tags(): IterableIterator<unknown> {
    yield* this.heldTags();
    for (const { tag } of this.#waiting.values()) yield tag;
  }

  /** Those of what is acknowledged in open transactions. */
  *heldTags(): IterableIterator<unknown> {
    for (const { tag } of this.#inTransactions) yield tag;
  }

  clear(): void {
    this.#waiting.clear();
    this.#inTransactions.clear();
  }

  #upTo(last: Delivery): Delivery[] {
    const covered: Delivery[] = [];
    for (const delivery of this.#waiting.values()) {
      covered.push(delivery);
      if (delivery === last) break;
    }
    return covered;
  }
}
