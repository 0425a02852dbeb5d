import { messageHead } from "../stomp/encoder.ts";
import type { StompVersion } from "../stomp/version.ts";
import { FrameSheet, headOnWire, type Payload } from "./frame-sheet.ts";
import type { Outgoing } from "./outgoing.ts";
import type { Engine, Peer } from "./subscription.ts";
import type { Wire } from "./wire.ts";

/** Those whose frames are byte for byte the same, see `Broker`. */
export interface RunChannel {
  readonly name: string;
  readonly head: string;
  readonly id: string | null;
  readonly version: StompVersion;
  readonly wire: Wire;
  readonly peers: RunPeers;
}

export interface RunPeers extends Iterable<Peer> {
  readonly size: number;
  has(peer: Peer): boolean;
}

export interface RunChannels {
  readonly size: number;
  values(): Iterable<RunChannel>;
}

/**
 * So many messages for a peer wait in the engine's topics for one write; the next one would drive
 * them out in a write of their own.
 */
const ENGINE_BATCH = 32;
/** Before a single one sent by hand, what waits in the topic would leave in a write of its own. */
const LEAST_BY_HAND = 2;
/** Fewer are not worth laying out. */
const SHEET_FROM = 4;
/** Clients choose the length of their ids, and a sheet is as large as the frames on it. */
const MAX_SHEETS = 16;

/** Messages that follow each other to the same channels. */
export class MessageRun {
  /** By wire, version and length of the head; null where they cannot be laid out. */
  readonly #sheets = new Map<string, FrameSheet | null>();
  readonly #payloads: Payload[] = [];
  /** What goes beyond one write of the engine's topics. */
  #remainder: MessageRun | null = null;

  /**
   * @param messages at least one
   * @param topic what they were sent to, where the channels are those of a pattern
   */
  constructor(
    readonly messages: readonly Outgoing[],
    readonly topic: string | null,
  ) {}

  /**
   * To many peers messages go by the engine's topic, which costs less than sending them to each by
   * hand, but makes a write of every 32. What goes beyond one is therefore sent by hand: it takes
   * along what waits in the topic, and each peer gets all in one write. A peer whose frames are its
   * own gets all of them by hand: a topic for each would cost three times as much.
   */
  deliver(channel: RunChannel, engine: Engine): void {
    const { size } = channel.peers;
    if (size === 0) return;
    if (size === 1) {
      this.#sendToEach(channel);
      return;
    }
    const { messages } = this;
    const published = shareOfTopic(messages.length);
    for (let index = 0; index < published; index += 1) {
      const message = messages[index];
      if (message !== undefined) this.#publish(channel, message, engine);
    }
    if (published === messages.length) return;
    this.#remainder ??= new MessageRun(messages.slice(published), this.topic);
    this.#remainder.#sendToEach(channel);
  }

  /** Each message to all of the channels before the next one. */
  deliverInTurn(channels: ReadonlySet<RunChannel>, engine: Engine): void {
    if (channels.size === 0) return;
    for (const message of this.messages) {
      for (const channel of channels) this.#publish(channel, message, engine);
    }
  }

  #sendToEach(channel: RunChannel): void {
    const frames = this.#framesFor(channel, this.#headFor(channel));
    for (const { topics } of channel.peers) topics?.sendTogether(frames);
  }

  #publish(channel: RunChannel, message: Outgoing, engine: Engine): void {
    const { name, wire, version } = channel;
    engine.publish(name, message.payload(wire, version, this.#headFor(channel)));
  }

  #headFor({ head, version, id }: RunChannel): string {
    return this.topic === null ? head : messageHead(version, id, this.topic);
  }

  /** Good until the next call. */
  #framesFor({ wire, version }: RunChannel, head: string): readonly Payload[] {
    if (this.messages.length < SHEET_FROM) return this.#encoded(wire, version, head);
    const wireHead = headOnWire(wire, head);
    const variant = `${wire} ${version} ${wireHead.length}`;
    const sheet = this.#sheets.get(variant);
    const written = sheet?.payloads(wireHead) ?? null;
    if (written !== null) return written;
    const encoded = this.#encoded(wire, version, head);
    if (sheet === undefined && this.#sheets.size < MAX_SHEETS)
      this.#sheets.set(variant, FrameSheet.of(wireHead, [...encoded]));
    return encoded;
  }

  #encoded(wire: Wire, version: StompVersion, head: string): readonly Payload[] {
    const payloads = this.#payloads;
    payloads.length = 0;
    for (const message of this.messages) payloads.push(message.payload(wire, version, head));
    return payloads;
  }
}

/** All that one write of the engine holds, unless what is left for sending by hand were a single one. */
function shareOfTopic(count: number): number {
  return count <= ENGINE_BATCH ? count : Math.min(ENGINE_BATCH, count - LEAST_BY_HAND);
}
