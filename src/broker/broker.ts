import { type Clock, systemClock } from "../clock.ts";
import { messageHead } from "../stomp/encoder.ts";
import type { StompVersion } from "../stomp/version.ts";
import { type Audience, Gathering } from "./gathering.ts";
import type { Outgoing } from "./outgoing.ts";
import { PatternIndex } from "./pattern-index.ts";
import type { Engine, Peer, Receive, Subscription, SubscriptionRequest } from "./subscription.ts";
import type { TopicPattern } from "./topic-pattern.ts";
import type { Wire } from "./wire.ts";

/**
 * Who listens to what, and the one way in which any message reaches its subscribers.
 *
 * MESSAGE frames of one publish differ between subscribers only in subscription id, STOMP version
 * and wire. All subscriptions that agree in these share a native topic of the engine (a channel):
 * the frame is encoded once for each channel and the engine copies it to the sockets.
 */
export class Broker {
  readonly #listeners = new Map<string, Listeners>();
  readonly #patterns = new PatternIndex();
  readonly #gathering: Gathering;
  #channelsMade = 0;

  /** @param gatherMs how long messages to large audiences may wait for each other, see `Gathering` */
  constructor(
    readonly engine: Engine,
    clock: Clock = systemClock,
    gatherMs = 0,
  ) {
    this.#gathering = new Gathering(engine, clock, gatherMs);
  }

  /**
   * Adds a subscription. With `receive`, each message is handed to it singly (client
   * acknowledgement, catching up); without, the engine delivers.
   */
  subscribe(request: SubscriptionRequest, receive: Receive | null): Subscription {
    const subscription = new BrokerSubscription(request);
    this.#attach(subscription, receive);
    return subscription;
  }

  /** Goes over from one way of delivery to the other; no message falls between. */
  redirect(subscription: Subscription, receive: Receive | null): void {
    if (!(subscription instanceof BrokerSubscription) || !subscription.attached) return;
    this.#detach(subscription);
    this.#attach(subscription, receive);
  }

  /** Idempotent. */
  unsubscribe(subscription: Subscription): void {
    if (subscription instanceof BrokerSubscription && subscription.attached) {
      this.#detach(subscription);
    }
  }

  /** At least one subscription listens on this node. */
  hasListeners(key: string): boolean {
    return this.#listeners.has(key);
  }

  /** At least one subscription would get what is published to the topic. */
  isHeard(topic: string): boolean {
    return this.#listeners.has(topic) || this.#patterns.matching(topic).length > 0;
  }

  /** What is held for the peer goes out: to be called before anything else that may reach it. */
  release(peer: Peer): void {
    this.#gathering.release(peer);
  }

  /** Hands the message to every subscription of the topic, also those with wildcards. */
  publish(topic: string, message: Outgoing): void {
    this.deliver(topic, message);
    if (this.#patterns.isEmpty) return;
    for (const name of this.#patterns.matching(topic)) this.#deliverBy(name, topic, message);
  }

  /** Hands the message to every subscription of the key, except those of one connection. */
  deliver(key: string, message: Outgoing, except: Peer | null = null): void {
    const listeners = this.#listeners.get(key);
    if (listeners === undefined) return;
    this.#deliverToChannels(listeners, null, message, except);
    for (const subscription of listeners.direct) {
      if (subscription.peer !== except) subscription.receive?.(message);
    }
  }

  #deliverBy(pattern: string, topic: string, message: Outgoing): void {
    const listeners = this.#listeners.get(pattern);
    if (listeners === undefined) return;
    this.#deliverToChannels(listeners, topic, message, null);
    for (const subscription of listeners.direct) subscription.receive?.(message, topic);
  }

  /** `topic`: where the message was sent to, if the listeners are those of a pattern. */
  #deliverToChannels(
    listeners: Listeners,
    topic: string | null,
    message: Outgoing,
    except: Peer | null,
  ): void {
    const isHeld = except === null && this.#gathering.takes(listeners, topic, message);
    if (isHeld && listeners.singly === 0) return;
    if (!isHeld) this.#gathering.releaseBefore(listeners);
    for (const channel of listeners.channels.values()) {
      const head = topic === null ? channel.head : messageHead(channel.version, channel.id, topic);
      if (isHeld) sendSingly(channel, head, message);
      else this.#deliverToChannel(channel, head, message, except);
    }
  }

  #deliverToChannel(channel: Channel, head: string, message: Outgoing, except: Peer | null): void {
    const { name, peers, singly } = channel;
    const isPartial = except !== null && (peers.has(except) || singly.has(except));
    if (isPartial && peers.size + singly.size === 1) return;
    const payload = message.payload(channel.wire, channel.version, head);
    if (isPartial && except.topics !== null) except.topics.publishToOthers(name, payload);
    else if (peers.size > 0) this.engine.publish(name, payload);
    for (const peer of singly) if (peer !== except) peer.send(payload);
  }

  #attach(subscription: BrokerSubscription, receive: Receive | null): void {
    let listeners = this.#listeners.get(subscription.key);
    if (listeners === undefined) {
      listeners = {
        ...{ channels: new Map(), direct: new Set(), size: 0, singly: 0 },
        ...{ entangled: null, pace: null },
      };
      this.#listeners.set(subscription.key, listeners);
      if (subscription.pattern !== null) this.#patterns.add(subscription.pattern);
    }
    subscription.attached = true;
    subscription.receive = receive;
    if (receive === null) this.#joinChannel(listeners, subscription);
    else listeners.direct.add(subscription);
  }

  #joinChannel(listeners: Listeners, subscription: BrokerSubscription): void {
    const { version, wire, id, destination, peer } = subscription;
    const variant = `${version} ${wire} ${id === null ? "" : `#${id}`}\n${destination}`;
    let channel = listeners.channels.get(variant);
    if (channel === undefined) {
      this.#channelsMade += 1;
      const name = this.#channelsMade.toString(36);
      const head = messageHead(version, id, destination);
      channel = { variant, name, head, id, version, wire, peers: new Set(), singly: new Set() };
      listeners.channels.set(variant, channel);
    }
    subscription.channel = channel;
    if (peer.topics === null) {
      channel.singly.add(peer);
      listeners.singly += 1;
    } else {
      this.#gathering.releaseTo(listeners);
      channel.peers.add(peer);
      listeners.size += 1;
      listeners.entangled = null;
      peer.topics.join(channel.name);
    }
  }

  #detach(subscription: BrokerSubscription): void {
    subscription.attached = false;
    const listeners = this.#listeners.get(subscription.key);
    if (listeners === undefined) return;
    listeners.direct.delete(subscription);
    const channel = subscription.channel;
    if (channel !== null) {
      subscription.channel = null;
      const { peer } = subscription;
      this.#gathering.releaseTo(listeners);
      if (peer.topics === null) listeners.singly -= 1;
      else listeners.size -= 1;
      listeners.entangled = null;
      peer.topics?.leave(channel.name);
      channel.peers.delete(peer);
      channel.singly.delete(peer);
      if (channel.peers.size + channel.singly.size === 0)
        listeners.channels.delete(channel.variant);
    }
    if (listeners.channels.size === 0 && listeners.direct.size === 0) {
      this.#listeners.delete(subscription.key);
      if (subscription.pattern !== null) this.#patterns.remove(subscription.key);
    }
  }
}

interface Listeners extends Audience {
  readonly channels: Map<string, Channel>;
  readonly direct: Set<BrokerSubscription>;
  size: number;
  /** Peers of the channels that the engine's topics do not reach. */
  singly: number;
}

/** A native topic of the engine, for subscribers whose frames are byte for byte the same. */
interface Channel {
  readonly variant: string;
  readonly name: string;
  readonly head: string;
  readonly id: string | null;
  readonly version: StompVersion;
  readonly wire: Wire;
  readonly peers: Set<Peer>;
  /** Those that the engine's topics do not reach. */
  readonly singly: Set<Peer>;
}

function sendSingly(channel: Channel, head: string, message: Outgoing): void {
  if (channel.singly.size === 0) return;
  const payload = message.payload(channel.wire, channel.version, head);
  for (const peer of channel.singly) peer.send(payload);
}

class BrokerSubscription implements Subscription {
  readonly peer: Peer;
  readonly key: string;
  readonly pattern: TopicPattern | null;
  readonly destination: string;
  readonly id: string | null;
  readonly version: StompVersion;
  readonly wire: Wire;
  receive: Receive | null = null;
  channel: Channel | null = null;
  attached = false;

  constructor(request: SubscriptionRequest) {
    this.peer = request.peer;
    this.key = request.key;
    this.pattern = request.pattern;
    this.destination = request.destination;
    this.id = request.id;
    this.version = request.version;
    this.wire = request.wire;
  }
}
