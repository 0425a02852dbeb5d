import { Few } from "../few.ts";
import { messageHead } from "../stomp/encoder.ts";
import type { StompVersion } from "../stomp/version.ts";
import type { Peer, SubscriptionRequest } from "./subscription.ts";
import type { Wire } from "./wire.ts";

const NO_PEERS: ReadonlySet<Peer> = new Set();

/**
 * A native topic of the engine, for subscribers whose frames are byte for byte the same.
 *
 * Nearly all channels are those of a user's own queues, with one peer: what only more of them need
 * is not made before they come, and the engine's topic is the peer's own, one for all its channels.
 */
export class Channel {
  readonly destination: string;
  readonly id: string | null;
  readonly version: StompVersion;
  readonly wire: Wire;
  readonly peers = new Few<Peer>();
  #singly: Set<Peer> | null = null;
  #head: string | null = null;
  #name = "";
  /** The topic is the only peer's own: it is nothing to join or leave. */
  #isOwn = false;

  constructor({ destination, id, version, wire }: SubscriptionRequest) {
    this.destination = destination;
    this.id = id;
    this.version = version;
    this.wire = wire;
  }

  /** Of the engine's topic. "" while there is nobody whom it reaches. */
  get name(): string {
    return this.#name;
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
    return this.peers.size + this.singly.size === 0;
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
    const { peers } = this;
    if (peers.has(peer)) return false;
    peers.add(peer);
    if (peers.size === 1 && this.#name === "") {
      this.#isOwn = true;
      this.#name = peer.topics.own(newName);
    } else if (this.#isOwn) {
      this.#share(newName());
    } else {
      peer.topics.join(this.#name);
    }
    return true;
  }

  /** False if it was not there. */
  leave(peer: Peer): boolean {
    if (!this.peers.delete(peer)) return this.#singly?.delete(peer) === true;
    if (!this.#isOwn) peer.topics?.leave(this.#name);
    return true;
  }

  #share(name: string): void {
    this.#isOwn = false;
    this.#name = name;
    for (const peer of this.peers) peer.topics?.join(name);
  }
}
