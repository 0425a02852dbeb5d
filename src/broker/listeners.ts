import { Channel } from "./channel.ts";
import type { Audience, Pace } from "./gathering.ts";
import type { RunChannel } from "./message-run.ts";
import type { Peer, Receive, Subscription, SubscriptionRequest } from "./subscription.ts";

/** One subscription, as the broker keeps it: whoever keeps it too may make it a part of their own. */
export abstract class BrokerSubscription implements Subscription {
  receive: Receive | null = null;
  channel: Channel | null = null;

  /** Changes only while it is not attached. */
  abstract get request(): SubscriptionRequest;

  /** What is published reaches it, by the one way or the other. */
  get attached(): boolean {
    return this.receive !== null || this.channel !== null;
  }
}

/** One that nobody else keeps more of. */
export class PlainSubscription extends BrokerSubscription {
  readonly #request: SubscriptionRequest;

  constructor(request: SubscriptionRequest) {
    super();
    this.#request = request;
  }

  override get request(): SubscriptionRequest {
    return this.#request;
  }
}

const NONE: ReadonlySet<BrokerSubscription> = new Set();

/** Channels by what tells their frames apart; one field while there is one. */
class Channels {
  #sole: Channel | null = null;
  #many: Map<string, Channel> | null = null;

  get size(): number {
    return this.#many === null ? Number(this.#sole !== null) : this.#many.size;
  }

  values(): Iterable<Channel> {
    if (this.#many !== null) return this.#many.values();
    return this.#sole === null ? [] : [this.#sole];
  }

  /** The one that serves such subscriptions; it is made if there is none. */
  for(request: SubscriptionRequest): Channel {
    if (this.#many === null && this.#sole?.serves(request)) return this.#sole;
    const known = this.#many?.get(variantOf(request));
    if (known !== undefined) return known;
    const made = new Channel(request);
    if (this.#many === null && this.#sole !== null) {
      this.#many = new Map([[variantOf(this.#sole), this.#sole]]);
      this.#sole = null;
    }
    if (this.#many === null) this.#sole = made;
    else this.#many.set(variantOf(request), made);
    return made;
  }

  delete(channel: Channel): void {
    if (this.#sole === channel) this.#sole = null;
    this.#many?.delete(variantOf(channel));
  }
}

/** Those who listen under one key. */
export class Listeners extends Channels implements Audience {
  /** Peers of the channels that the engine's topics reach, and those that they do not. */
  reach = 0;
  singly = 0;
  entangled: ReadonlySet<RunChannel> | null = null;
  pace: Pace | null = null;
  #direct: Set<BrokerSubscription> | null = null;

  get channels(): this {
    return this;
  }

  /** Each message is handed to them singly. */
  get direct(): ReadonlySet<BrokerSubscription> {
    return this.#direct ?? NONE;
  }

  get isEmpty(): boolean {
    return this.size === 0 && this.#direct === null;
  }

  /** Into one of the channels. */
  joined(peer: Peer): void {
    this.#count(peer, 1);
  }

  left(peer: Peer): void {
    this.#count(peer, -1);
  }

  #count(peer: Peer, change: 1 | -1): void {
    if (peer.topics === null) this.singly += change;
    else this.reach += change;
    this.entangled = null;
  }

  addDirect(subscription: BrokerSubscription): void {
    this.#direct ??= new Set();
    this.#direct.add(subscription);
  }

  removeDirect(subscription: BrokerSubscription): void {
    this.#direct?.delete(subscription);
    // Most listen singly for a moment, when they begin.
    if (this.#direct?.size === 0) this.#direct = null;
  }
}

type Variant = Pick<SubscriptionRequest, "version" | "wire" | "id" | "destination">;

function variantOf({ version, wire, id, destination }: Variant): string {
  return `${version} ${wire} ${id === null ? "" : `#${id}`}\n${destination}`;
}
