import type { ClientSubscription } from "./client-subscription.ts";

/** A list is searched as fast, and takes an eighth of the memory: most connections have no more. */
const MOST_IN_LIST = 8;

/**
 * What a subscription goes by: STOMP 1.0 allows it to have no id, then the destination stands for it.
 */
export function idOf({
  request: { id, destination },
}: Pick<ClientSubscription, "request">): string {
  return id ?? destination;
}

/** The subscriptions of one connection, each once, in the order of their coming. */
export class SubscriptionsById {
  #list: ClientSubscription[] = [];
  /** In place of the list once there are many. */
  #map: Map<string, ClientSubscription> | null = null;
  #nameLengths = 0;

  /** Characters of all ids and destinations. */
  get nameLengths(): number {
    return this.#nameLengths;
  }

  get(id: string): ClientSubscription | undefined {
    if (this.#map !== null) return this.#map.get(id);
    return this.#list.find((subscription) => idOf(subscription) === id);
  }

  /** Under an id that nothing goes by. */
  add(subscription: ClientSubscription): void {
    this.#nameLengths += nameLengthOf(subscription);
    if (this.#map === null && this.#list.length === MOST_IN_LIST) {
      this.#map = new Map(this.#list.map((listed) => [idOf(listed), listed]));
      this.#list = [];
    }
    if (this.#map === null) this.#list.push(subscription);
    else this.#map.set(idOf(subscription), subscription);
  }

  delete(id: string): void {
    const deleted = this.get(id);
    if (deleted === undefined) return;
    this.#nameLengths -= nameLengthOf(deleted);
    if (this.#map !== null) this.#map.delete(id);
    else this.#list = this.#list.filter((subscription) => subscription !== deleted);
  }

  /** Those that are deleted meanwhile may be among them. */
  values(): Iterable<ClientSubscription> {
    return this.#map === null ? this.#list : this.#map.values();
  }

  clear(): void {
    this.#list = [];
    this.#map = null;
    this.#nameLengths = 0;
  }
}

function nameLengthOf(subscription: ClientSubscription): number {
  return idOf(subscription).length + subscription.request.destination.length;
}
