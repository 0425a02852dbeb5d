import type { Clock, Timer } from "../clock.ts";
import type { Backplane } from "./backplane.ts";
import { decodeEnvelope, encodeEnvelope } from "./envelope.ts";
import { Outgoing } from "./outgoing.ts";
import { isTopicPattern, type TopicPattern } from "./topic-pattern.ts";

/** What nobody listens to any more is listened to for so long: whoever reconnects finds it there. */
const LINGER_MS = 10_000;

/** Delivers to this node's own subscriptions. */
export type Deliver = (topic: string, message: Outgoing) => void;

export interface TopicRelayOptions {
  readonly backplane: Backplane;
  readonly clock: Clock;
  /** Messages of the topic, or of the pattern's topics, are for all nodes. */
  readonly isCarried: (topic: string) => boolean;
  /** The topic's channel between nodes. Of topics that patterns cover it is the topic's name. */
  readonly channelOf: (topic: string) => string;
}

/**
 * Takes what is published to topics here to the other nodes, and what they publish to whoever listens
 * here. Of other nodes' messages only those come that somebody listens to: a channel has the name of
 * its topic; a subscription with wildcards brings all topics that begin with its literal words.
 */
export class TopicRelay {
  readonly #options: TopicRelayOptions;
  /** By what the backplane is told: how many patterns begin so. */
  readonly #prefixes = new Map<string, number>();
  /** What nobody listens to any more, and until when it is kept; the earliest first. */
  readonly #lingering = new Map<string, number>();
  readonly #lingeringPrefixes = new Map<string, number>();
  #timer: Timer | null = null;
  #invalid = 0;

  constructor(options: TopicRelayOptions) {
    this.#options = options;
  }

  /** Messages that came from other nodes and could not be read, or are of no topic. */
  get invalid(): number {
    return this.#invalid;
  }

  /** Messages of the topic are for all nodes. */
  carries(topic: string): boolean {
    return this.#options.isCarried(topic);
  }

  /** To the other nodes. */
  publish(topic: string, message: Outgoing): void {
    const { backplane, isCarried, channelOf } = this.#options;
    if (!isCarried(topic)) return;
    const { messageId, headers, body } = message;
    backplane.publish(
      channelOf(topic),
      encodeEnvelope({ destination: topic, messageId, headers, body }),
    );
  }

  /** A message from another node: of damaged ones nothing is delivered. */
  receive(payload: Uint8Array, deliver: Deliver): void {
    const envelope = decodeEnvelope(payload);
    if (envelope === null || !this.#isTopic(envelope.destination)) {
      this.#invalid += 1;
      return;
    }
    const { destination, messageId, headers, body } = envelope;
    deliver(destination, new Outgoing(messageId, body, headers));
  }

  /** The first subscription of the key came. */
  listened(key: string, pattern: TopicPattern | null): void {
    const { backplane, isCarried, channelOf } = this.#options;
    if (!isCarried(key)) return;
    if (pattern === null) {
      const channel = channelOf(key);
      if (!this.#lingering.delete(channel)) backplane.subscribe(channel);
      return;
    }
    const prefix = prefixOf(pattern);
    const count = this.#prefixes.get(prefix) ?? 0;
    this.#prefixes.set(prefix, count + 1);
    if (count === 0 && !this.#lingeringPrefixes.delete(prefix)) backplane.subscribePrefix(prefix);
  }

  /** The last subscription of the key has gone. */
  abandoned(key: string, pattern: TopicPattern | null): void {
    if (!this.#options.isCarried(key)) return;
    if (pattern === null) {
      this.#linger(this.#lingering, this.#options.channelOf(key));
      return;
    }
    const prefix = prefixOf(pattern);
    const count = this.#prefixes.get(prefix) ?? 0;
    if (count > 1) {
      this.#prefixes.set(prefix, count - 1);
      return;
    }
    this.#prefixes.delete(prefix);
    this.#linger(this.#lingeringPrefixes, prefix);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #isTopic(destination: string): boolean {
    return this.#options.isCarried(destination) && !isTopicPattern(destination);
  }

  #linger(names: Map<string, number>, name: string): void {
    const { clock } = this.#options;
    names.set(name, clock.monotonicMs() + LINGER_MS);
    this.#timer ??= clock.schedule(LINGER_MS, this.#sweep);
  }

  readonly #sweep = (): void => {
    const { backplane, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    for (const name of takeDue(this.#lingering, nowMs)) backplane.unsubscribe(name);
    for (const name of takeDue(this.#lingeringPrefixes, nowMs)) backplane.unsubscribePrefix(name);
    const isEmpty = this.#lingering.size + this.#lingeringPrefixes.size === 0;
    this.#timer = isEmpty ? null : clock.schedule(LINGER_MS, this.#sweep);
  };
}

function takeDue(names: Map<string, number>, nowMs: number): string[] {
  const due: string[] = [];
  for (const [name, dueMs] of names) {
    if (dueMs > nowMs) break;
    due.push(name);
    names.delete(name);
  }
  return due;
}

function prefixOf({ literalPrefix }: TopicPattern): string {
  return `/topic/${literalPrefix}`;
}
