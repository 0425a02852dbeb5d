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
 * The engine's topic begins another write after 32 messages. A third write costs more than it takes
 * to send all messages to each peer by hand, in one.
 */
const TOGETHER_FROM = 65;
/** Fewer are not worth laying out. */
const SHEET_FROM = 4;
/** Clients choose the length of their ids, and a sheet is as large as the frames on it. */
const MAX_SHEETS = 16;

/** Messages that follow each other to the same channels. */
export class MessageRun {
  /** By wire, version and length of the head; null where they cannot be laid out. */
  readonly #sheets = new Map<string, FrameSheet | null>();
  readonly #payloads: Payload[] = [];

  /**
   * @param messages at least one
   * @param topic what they were sent to, where the channels are those of a pattern
   */
  constructor(
    readonly messages: readonly Outgoing[],
    readonly topic: string | null,
  ) {}

  /**
   * To many peers messages go by the engine's topic, unless there are very many; then each peer gets
   * all of them in one write. So does a peer whose frames are its own: a topic for each would cost
   * three times as much.
   */
  deliver(channel: RunChannel, engine: Engine): void {
    const { peers } = channel;
    if (peers.size === 1 || this.messages.length >= TOGETHER_FROM) {
      const frames = this.#framesFor(channel, this.#headFor(channel));
      for (const { topics } of peers) topics?.sendTogether(frames);
    } else if (peers.size > 0) {
      for (const message of this.messages) this.#publish(channel, message, engine);
    }
  }

  /** Each message to all of the channels before the next one. */
  deliverInTurn(channels: ReadonlySet<RunChannel>, engine: Engine): void {
    if (channels.size === 0) return;
    for (const message of this.messages) {
      for (const channel of channels) this.#publish(channel, message, engine);
    }
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
