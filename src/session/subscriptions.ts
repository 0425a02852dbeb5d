import { AppError } from "../errors.ts";
import type { ClientSubscription } from "./client-subscription.ts";
import { idOf, SubscriptionsById } from "./subscriptions-by-id.ts";

/** How many ids of a once-per-connection destination are remembered, for their UNSUBSCRIBE. */
const REMEMBERED_IDS = 16;

/** An id and its destination are kept by themselves, and in the head of its MESSAGE frames. */
const COPIES = 2;

/**
 * The subscriptions of one connection, by id. STOMP 1.0 allows none: then the destination stands
 * for it.
 */
export class Subscriptions {
  readonly #byId = new SubscriptionsById();
  /** Once-per-connection destinations, by key: all ids that the client gave, the newest last. */
  #shared: Map<string, SharedIds> | null = null;
  #count = 0;
  #patterns = 0;

  /** Subscriptions that cost something; ids of one shared destination count once. */
  get count(): number {
    return this.#count;
  }

  /** Of what tells the subscriptions apart, and of messages that wait for an acknowledgement. */
  get heldBytes(): number {
    let bytes = COPIES * this.#byId.nameLengths;
    for (const { unacknowledgedBytes } of this.#byId.values()) bytes += unacknowledgedBytes;
    return bytes;
  }

  /** To topics with wildcards. */
  get patternCount(): number {
    return this.#patterns;
  }

  get(id: string): ClientSubscription | undefined {
    return this.#byId.get(id);
  }

  /** The destination that the id stands for. */
  destinationOf(id: string): string | undefined {
    return this.#byId.get(id)?.request.destination;
  }

  *all(): IterableIterator<ClientSubscription> {
    for (const subscription of this.#byId.values()) {
      const shared = this.#sharedBy(subscription);
      if (shared === undefined || shared.ids.at(-1) === idOf(subscription)) yield subscription;
    }
  }

  /** The send buffer is empty again. */
  drained(): void {
    for (const subscription of this.#byId.values()) subscription.drained();
  }

  /** `held`: the messages wait until the subscription goes live. */
  add(subscription: ClientSubscription, options: Limits & { readonly held: boolean }): void {
    const isPattern = subscription.request.pattern !== null;
    this.#assertRoom(options.limit);
    if (isPattern && this.#patterns >= options.patterns) {
      const text = `A connection may hold ${options.patterns} subscriptions with wildcards`;
      throw new AppError("TOO_MANY_SUBSCRIPTIONS", text);
    }
    subscription.open(options.held);
    this.#count += 1;
    if (isPattern) this.#patterns += 1;
    this.#byId.add(subscription);
  }

  /**
   * The newest id carries the messages of its destination, and an UNSUBSCRIBE of it hands them back
   * to the one before. Ids beyond the remembered number are forgotten, oldest first, so a client
   * that never unsubscribes costs constant memory.
   */
  addShared(subscription: ClientSubscription, options: { readonly limit: number }): void {
    const { key } = subscription;
    const id = idOf(subscription);
    this.#shared ??= new Map();
    let shared = this.#shared.get(key);
    if (shared === undefined) {
      this.#assertRoom(options.limit);
      this.#count += 1;
      shared = { key, ids: [] };
      this.#shared.set(key, shared);
    }
    this.#newest(shared)?.close();
    shared.ids.push(id);
    this.#byId.add(subscription);
    if (shared.ids.length > REMEMBERED_IDS) {
      const forgotten = shared.ids.shift();
      if (forgotten !== undefined) this.#byId.delete(forgotten);
    }
    subscription.open(false);
  }

  /** False if the id stands for nothing (any more). */
  remove(id: string): boolean {
    const subscription = this.#byId.get(id);
    if (subscription === undefined) return false;
    this.#byId.delete(id);
    subscription.close();
    const shared = this.#sharedBy(subscription);
    if (shared === undefined) {
      if (subscription.request.pattern !== null) this.#patterns -= 1;
      this.#count -= 1;
      return true;
    }
    const wasNewest = shared.ids.at(-1) === id;
    shared.ids.splice(shared.ids.indexOf(id), 1);
    if (shared.ids.length === 0) {
      this.#shared?.delete(shared.key);
      this.#count -= 1;
    } else if (wasNewest) {
      this.#newest(shared)?.open(false);
    }
    return true;
  }

  /** Every subscription that listens under the key. */
  removeKey(key: string): void {
    for (const subscription of this.#byId.values()) {
      if (subscription.key === key) this.remove(idOf(subscription));
    }
  }

  /** Every subscription to a destination that is meant. */
  removeWhere(isMeant: (destination: string) => boolean): void {
    for (const subscription of this.#byId.values()) {
      if (isMeant(subscription.request.destination)) this.remove(idOf(subscription));
    }
  }

  removeAll(): void {
    for (const subscription of this.#byId.values()) subscription.close();
    this.#byId.clear();
    this.#shared = null;
    this.#count = 0;
    this.#patterns = 0;
  }

  #assertRoom(limit: number): void {
    if (this.#count >= limit) {
      throw new AppError("TOO_MANY_SUBSCRIPTIONS", `A connection may hold ${limit} subscriptions`);
    }
  }

  #sharedBy({ key }: ClientSubscription): SharedIds | undefined {
    return this.#shared?.get(key);
  }

  #newest(shared: SharedIds): ClientSubscription | undefined {
    const id = shared.ids.at(-1);
    return id === undefined ? undefined : this.#byId.get(id);
  }
}

/** How many there may be. */
export interface Limits {
  readonly limit: number;
  /** Of those, to destinations with wildcards. */
  readonly patterns: number;
}

interface SharedIds {
  readonly key: string;
  readonly ids: string[];
}
