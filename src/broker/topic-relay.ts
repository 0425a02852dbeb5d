import type { Clock, Timer } from "../clock.ts";
import type { Backplane } from "./backplane.ts";
import { decodeEnvelope, encodeEnvelope } from "./envelope.ts";
import { LingeringNames } from "./lingering-names.ts";
import { Outgoing } from "./outgoing.ts";
import { isTopicPattern, type TopicPattern, TopicWords } from "./topic-pattern.ts";

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
 * its topic; a subscription with wildcards brings all topics that begin with its literal words, and
 * the one that ends with them if it stands for that too.
 */
export class TopicRelay {
  readonly #options: TopicRelayOptions;
  readonly #channels = new LingeringNames();
  readonly #prefixes = new LingeringNames();
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
    const { backplane, isCarried } = this.#options;
    if (!isCarried(key)) return;
    const { channel, prefix } = this.#sourcesOf(key, pattern);
    if (channel !== null && this.#channels.want(channel)) backplane.subscribe(channel);
    if (prefix !== null && this.#prefixes.want(prefix)) backplane.subscribePrefix(prefix);
  }

  /** The last subscription of the key has gone. */
  abandoned(key: string, pattern: TopicPattern | null): void {
    const { clock, isCarried } = this.#options;
    if (!isCarried(key)) return;
    const untilMs = clock.monotonicMs() + LINGER_MS;
    const { channel, prefix } = this.#sourcesOf(key, pattern);
    if (channel !== null) this.#channels.leave(channel, untilMs);
    if (prefix !== null) this.#prefixes.leave(prefix, untilMs);
    this.#timer ??= clock.schedule(LINGER_MS, this.#sweep);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #isTopic(destination: string): boolean {
    return this.#options.isCarried(destination) && !isTopicPattern(destination);
  }

  readonly #sweep = (): void => {
    const { backplane, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    for (const name of this.#channels.takeDue(nowMs)) backplane.unsubscribe(name);
    for (const name of this.#prefixes.takeDue(nowMs)) backplane.unsubscribePrefix(name);
    const isEmpty = this.#channels.leaving + this.#prefixes.leaving === 0;
    this.#timer = isEmpty ? null : clock.schedule(LINGER_MS, this.#sweep);
  };

  /** From where everything comes that the key stands for. */
  #sourcesOf(key: string, pattern: TopicPattern | null) {
    if (pattern === null) return { channel: this.#options.channelOf(key), prefix: null };
    const { literalPrefix, beginning } = pattern;
    const topic = `/topic/${literalPrefix}`;
    return {
      channel: literalPrefix !== "" && pattern.matches(new TopicWords(topic)) ? topic : null,
      prefix: `/topic/${beginning}`,
    };
  }
}
