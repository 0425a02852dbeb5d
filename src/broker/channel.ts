import { Few } from "../few.ts";
import { messageHead } from "../stomp/encoder.ts";
import type { StompVersion } from "../stomp/version.ts";
import type { Peer, SubscriptionRequest } from "./subscription.ts";
import type { Wire } from "./wire.ts";

/** What tells apart the frames of one destination and id. */
interface Frames {
  readonly version: StompVersion;
  readonly wire: Wire;
}

const framesOf = (version: StompVersion): Readonly<Record<Wire, Frames>> => ({
  text: { version, wire: "text" },
  binary: { version, wire: "binary" },
  sockjs: { version, wire: "sockjs" },
});

/** One of each for all channels. */
const FRAMES: Readonly<Record<StompVersion, Readonly<Record<Wire, Frames>>>> = {
  "1.0": framesOf("1.0"),
  "1.1": framesOf("1.1"),
  "1.2": framesOf("1.2"),
};

/** For a topic that was made when its peer came. */
const NEVER_NEW = () => "";

const NO_PEERS: ReadonlySet<Peer> = new Set();

/**
 * A native topic of the engine, for subscribers whose frames are byte for byte the same.
 *
 * Nearly all channels are those of a user's own queues, with one peer: what only more of them need
 * is not made before they come, and the engine's topic is the peer's own, one for all its channels.
 */
export class Channel extends Few<Peer> {
  readonly destination: string;
  readonly id: string | null;
  readonly #frames: Frames;
  #singly: Set<Peer> | null = null;
  #head: string | null = null;
  /** Of the topic that its peers share; null while it is the only peer's own, which is nothing to join. */
  #shared: string | null = null;

  constructor({ destination, id, version, wire }: SubscriptionRequest) {
    super();
    this.destination = destination;
    this.id = id;
    this.#frames = FRAMES[version][wire];
  }

  get version(): StompVersion {
    return this.#frames.version;
  }

  get wire(): Wire {
    return this.#frames.wire;
  }

  /** Those that the engine's topics reach: the channel is the set of them. */
  get peers(): this {
    return this;
  }

  /** Of the engine's topic. "" while there is nobody whom it reaches. */
  get name(): string {
    return this.#shared ?? this.first?.topics?.own(NEVER_NEW) ?? "";
  }

  /** Where its MESSAGE frames begin. */
  get head(): string {
    this.#head ??= messageHead(this.version, this.id, this.destination);
    return this.#head;
  }

  /** Those that the engine's topics do not reach. */
  get singly(): ReadonlySet<Peer> {
    return this.#singly ?? NO_PEERS;
  }

  get isEmpty(): boolean {
    return this.size + this.singly.size === 0;
  }

  /** Its subscribers' frames are those of the subscription. */
  serves({ destination, id, version, wire }: SubscriptionRequest): boolean {
    return (
      this.id === id &&
      this.destination === destination &&
      this.version === version &&
      this.wire === wire
    );
  }

  /**
   * @param newName makes the name of a topic that nobody has joined
   * @returns false if it was there already
   */
  join(peer: Peer, newName: () => string): boolean {
    if (peer.topics === null) {
      this.#singly ??= new Set();
      const isNew = !this.#singly.has(peer);
      this.#singly.add(peer);
      return isNew;
    }
    if (this.has(peer)) return false;
    this.add(peer);
    if (this.#shared !== null) peer.topics.join(this.#shared);
    else if (this.size === 1) peer.topics.own(newName);
    else this.#share(newName());
    return true;
  }

  /** False if it was not there. */
  leave(peer: Peer): boolean {
    if (!this.delete(peer)) return this.#singly?.delete(peer) === true;
    if (this.#shared !== null) peer.topics?.leave(this.#shared);
    return true;
  }

  #share(name: string): void {
    this.#shared = name;
    for (const peer of this) peer.topics?.join(name);
  }
}
