import { type Clock, systemClock } from "../clock.ts";
import { messageHead } from "../stomp/encoder.ts";
import type { Channel } from "./channel.ts";
import { type CopyCounter, UNCOUNTED } from "./copies.ts";
import { Gathering } from "./gathering.ts";
import { BrokerSubscription, Listeners, PlainSubscription } from "./listeners.ts";
import type { Outgoing } from "./outgoing.ts";
import { PatternIndex } from "./pattern-index.ts";
import type { Engine, Peer, Receive, Subscription, SubscriptionRequest } from "./subscription.ts";
import type { TopicRelay } from "./topic-relay.ts";

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
  readonly #relay: TopicRelay | null;
  #channelsMade = 0;

  /** @param gatherMs how long messages to large audiences may wait for each other, see `Gathering` */
  constructor(
    readonly engine: Engine,
    clock: Clock = systemClock,
    gatherMs = 0,
    /** Hears of what goes through the broker; of what is sent past it, from who sends it. */
    readonly counter: CopyCounter = UNCOUNTED,
    /** To other nodes; null: there are none. */
    relay: TopicRelay | null = null,
  ) {
    this.#relay = relay;
    this.#gathering = new Gathering(engine, clock, gatherMs);
  }

  /**
   * Adds a subscription. With `receive`, each message is handed to it singly (client
   * acknowledgement, catching up); without, the engine delivers.
   */
  subscribe(request: SubscriptionRequest, receive: Receive | null): Subscription {
    const subscription = new PlainSubscription(request);
    this.attach(subscription, receive);
    return subscription;
  }

  /** As `subscribe`, for a subscription that is kept anyway and is not attached. */
  attach(subscription: BrokerSubscription, receive: Receive | null): void {
    const { request } = subscription;
    let listeners = this.#listeners.get(request.key);
    if (listeners === undefined) {
      listeners = new Listeners();
      this.#listeners.set(request.key, listeners);
      if (request.pattern !== null) this.#patterns.add(request.pattern);
      this.#relay?.listened(request.key, request.pattern);
    }
    subscription.receive = receive;
    if (receive === null) this.#joinChannel(listeners, subscription);
    else listeners.addDirect(subscription);
  }

  /** Goes over from one way of delivery to the other; no message falls between. */
  redirect(subscription: Subscription, receive: Receive | null): void {
    if (!(subscription instanceof BrokerSubscription) || !subscription.attached) return;
    this.#detach(subscription);
    this.attach(subscription, receive);
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

  /** Somebody may get what is published to the topic: here, or on another node. */
  isHeard(topic: string): boolean {
    if (this.#relay?.carries(topic) === true || this.#listeners.has(topic)) return true;
    return this.#patterns.matching(topic).length > 0;
  }

  /** What is held for the peer goes out: to be called before anything else that may reach it. */
  release(peer: Peer): void {
    this.#gathering.release(peer);
  }

  /** To every subscription of the topic, also those with wildcards, on this node and on others. */
  publish(topic: string, message: Outgoing): void {
    this.publishHere(topic, message);
    this.#relay?.publish(topic, message);
  }

  /** As `publish`, to those alone who named the topic. */
  publishExactly(topic: string, message: Outgoing): void {
    this.deliver(topic, message);
    this.#relay?.publish(topic, message);
  }

  /** What was published to the topic, here or on another node, goes to every subscription here. */
  publishHere(topic: string, message: Outgoing): void {
    this.deliver(topic, message);
    if (this.#patterns.isEmpty) return;
    for (const name of this.#patterns.matching(topic)) this.#deliverBy(name, topic, message);
  }

  /** Hands the message to every subscription of the key, except those of one connection. */
  deliver(key: string, message: Outgoing, except: Peer | null = null): void {
    const listeners = this.#listeners.get(key);
    if (listeners === undefined) return;
    const copies = this.#deliverToChannels(listeners, null, message, except);
    if (copies > 0) this.counter.sent(key, copies);
    for (const subscription of listeners.direct) {
      if (subscription.request.peer !== except) subscription.receive?.(message);
    }
  }

  #deliverBy(pattern: string, topic: string, message: Outgoing): void {
    const listeners = this.#listeners.get(pattern);
    if (listeners === undefined) return;
    this.counter.sent(pattern, this.#deliverToChannels(listeners, topic, message, null));
    for (const subscription of listeners.direct) subscription.receive?.(message, topic);
  }

  /**
   * `topic`: where the message was sent to, if the listeners are those of a pattern. Returns to how
   * many it goes, at once or held.
   */
  #deliverToChannels(
    listeners: Listeners,
    topic: string | null,
    message: Outgoing,
    except: Peer | null,
  ): number {
    let copies = listeners.reach + listeners.singly;
    const isHeld = except === null && this.#gathering.takes(listeners, topic, message);
    if (isHeld && listeners.singly === 0) return copies;
    if (!isHeld) this.#gathering.releaseBefore(listeners);
    for (const channel of listeners.channels.values()) {
      const head = topic === null ? channel.head : messageHead(channel.version, channel.id, topic);
      if (isHeld) sendSingly(channel, head, message);
      else if (!this.#deliverToChannel(channel, head, message, except)) copies -= 1;
    }
    return copies;
  }

  /** False if one of its peers is left out. */
  #deliverToChannel(
    channel: Channel,
    head: string,
    message: Outgoing,
    except: Peer | null,
  ): boolean {
    const { name, peers, singly } = channel;
    const isPartial = except !== null && (peers.has(except) || singly.has(except));
    if (isPartial && peers.size + singly.size === 1) return false;
    const payload = message.payload(channel.wire, channel.version, head);
    if (isPartial && except.topics !== null) except.topics.publishToOthers(name, payload);
    else if (peers.size > 0) this.engine.publish(name, payload);
    for (const peer of singly) if (peer !== except) peer.send(payload);
    return !isPartial;
  }

  #joinChannel(listeners: Listeners, subscription: BrokerSubscription): void {
    const { request } = subscription;
    const channel = listeners.channels.for(request);
    subscription.channel = channel;
    if (request.peer.topics !== null) this.#gathering.releaseTo(listeners);
    if (channel.join(request.peer, this.#newChannelName)) listeners.joined(request.peer);
  }

  readonly #newChannelName = (): string => {
    this.#channelsMade += 1;
    return this.#channelsMade.toString(36);
  };

  #detach(subscription: BrokerSubscription): void {
    subscription.receive = null;
    const { peer, key, pattern } = subscription.request;
    const listeners = this.#listeners.get(key);
    if (listeners === undefined) return;
    listeners.removeDirect(subscription);
    const { channel } = subscription;
    if (channel !== null) {
      subscription.channel = null;
      this.#gathering.releaseTo(listeners);
      if (channel.leave(peer)) listeners.left(peer);
      if (channel.isEmpty) listeners.channels.delete(channel);
    }
    if (listeners.isEmpty) {
      this.#listeners.delete(key);
      if (pattern !== null) this.#patterns.remove(key);
      this.#relay?.abandoned(key, pattern);
    }
  }
}

function sendSingly(channel: Channel, head: string, message: Outgoing): void {
  if (channel.singly.size === 0) return;
  const payload = message.payload(channel.wire, channel.version, head);
  for (const peer of channel.singly) peer.send(payload);
}
