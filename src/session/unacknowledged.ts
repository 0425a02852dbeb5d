import { AppError } from "../errors.ts";

/** One message that was delivered and waits for its acknowledgement. */
export interface Delivery {
  /** What its acknowledgement names it by: the message id, unless that is outstanding already. */
  readonly key: string;
  readonly messageId: string;
  /** What its publisher put on it. */
  readonly tag: unknown;
  readonly bytes: number;
}

/**
 * What one subscription has delivered and its client has not acknowledged, in the order of sending.
 * Most clients acknowledge nothing: what that takes is made when it is needed.
 */
export class Unacknowledged {
  /** All of them, by key. A transaction's keep their places: taking them out and in again takes time. */
  #deliveries: Map<string, Delivery> | null = null;
  /** Acknowledged in transactions that are open. */
  #inTransactions: Set<Delivery> | null = null;
  /** Messages that were sent again while they were outstanding: the keys of their later copies. */
  #copies: Map<string, string[]> | null = null;
  #copied = 0;
  #bytes = 0;

  get size(): number {
    return this.#deliveries?.size ?? 0;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** By its key or its message id. */
  has(name: string): boolean {
    return this.#waiting(name) !== undefined;
  }

  /**
   * The message was sent; `bytes` is what it takes of memory. Returns what its acknowledgement names
   * it by [STOMP 1.2 §MESSAGE, `ack`].
   */
  add(messageId: string, tag: unknown, bytes: number): string {
    this.#deliveries ??= new Map();
    const key = this.#deliveries.has(messageId) ? this.#addCopy(messageId) : messageId;
    this.#deliveries.set(key, { key, messageId, tag, bytes });
    this.#bytes += bytes;
    return key;
  }

  /** A message that comes twice is acknowledged twice, in the order of the two. */
  #addCopy(messageId: string): string {
    this.#copied += 1;
    const key = `${messageId}~${this.#copied}`;
    this.#copies ??= new Map();
    const copies = this.#copies.get(messageId);
    if (copies === undefined) this.#copies.set(messageId, [key]);
    else copies.push(key);
    return key;
  }

  /**
   * What an ACK or NACK covers: with `cumulative` every message up to that one, else that one. Oldest
   * first, without those of transactions. Throws UNKNOWN_ACK when the message waits for none.
   */
  coveredBy(name: string, cumulative: boolean): Delivery[] {
    const named = this.#waiting(name);
    if (named === undefined) {
      throw new AppError("UNKNOWN_ACK", `No message ${name} waits for an acknowledgement`);
    }
    return cumulative ? this.#upTo(named) : [named];
  }

  /** They were acknowledged for good. */
  remove(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) {
      this.#inTransactions?.delete(delivery);
      const { key, messageId, bytes } = delivery;
      if (this.#deliveries?.delete(key) !== true) continue; // The subscription was closed meanwhile.
      this.#bytes -= bytes;
      if (key !== messageId) this.#forgetCopy(messageId, key);
    }
  }

  /** They are a transaction's until it is committed (`remove`) or aborted (`restore`). */
  hold(deliveries: readonly Delivery[]): void {
    this.#inTransactions ??= new Set();
    for (const delivery of deliveries) this.#inTransactions.add(delivery);
  }

  restore(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) this.#inTransactions?.delete(delivery);
  }

  clear(): void {
    this.#deliveries = null;
    this.#inTransactions = null;
    this.#copies = null;
    this.#bytes = 0;
  }

  /** By its key, or the oldest one by the message id. */
  #waiting(name: string): Delivery | undefined {
    for (const key of [name, ...(this.#copies?.get(name) ?? [])]) {
      const delivery = this.#deliveries?.get(key);
      if (delivery !== undefined && this.#inTransactions?.has(delivery) !== true) return delivery;
    }
    return undefined;
  }

  #forgetCopy(messageId: string, key: string): void {
    const rest = this.#copies?.get(messageId)?.filter((copy) => copy !== key) ?? [];
    if (rest.length === 0) this.#copies?.delete(messageId);
    else this.#copies?.set(messageId, rest);
  }

  #upTo(last: Delivery): Delivery[] {
    const covered: Delivery[] = [];
    for (const delivery of this.#deliveries?.values() ?? []) {
      if (this.#inTransactions?.has(delivery) !== true) covered.push(delivery);
      if (delivery === last) break;
    }
    return covered;
  }
}
