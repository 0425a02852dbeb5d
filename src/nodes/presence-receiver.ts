import type { NodeChannels } from "../broker/node-channels.ts";
import type { PresenceElsewhere, PresenceNode } from "../chat/presence-elsewhere.ts";
import type { Clock } from "../clock.ts";
import { type Changes, encodeNodeMessage, type Portion } from "./node-messages.ts";
import { ownChannel } from "./presence-sender.ts";
import type { Peer } from "./roster.ts";

/** A node that was asked for its users and says nothing for so long is asked again. */
const PATIENCE_MS = 3_000;

export interface PresenceReceiverOptions {
  readonly channels: NodeChannels;
  readonly clock: Clock;
  readonly run: string;
  readonly elsewhere: Pick<PresenceElsewhere, "change" | "sweep" | "drop">;
}

/** All users of a node, which come in portions while its changes go on. */
interface Load {
  readonly request: number;
  nextIndex: number;
  heardMs: number;
  /** What a change with this number said since: a portion that was made before it knows less. */
  readonly changed: Map<string, number>;
}

interface Feed extends PresenceNode {
  /** The number of the last changes that came. */
  spoken: number;
  /** All of its users that are known are so for certain. */
  isComplete: boolean;
  load: Load | null;
}

/**
 * What other nodes tell of their users. A number that is missing says that a message was lost, then
 * the node is asked for all of its users; so it is when the node is new. Asked is at a beat, which
 * says up to which changes all is known: whatever is lost after that shows.
 */
export class PresenceReceiver {
  readonly #options: PresenceReceiverOptions;
  readonly #feeds = new Map<Peer, Feed>();
  #requests = 0;

  constructor(options: PresenceReceiverOptions) {
    this.#options = options;
  }

  heard(peer: Peer): void {
    const { spoken } = peer.beat;
    const feed = this.#feeds.get(peer) ?? { mark: 0, spoken, isComplete: false, load: null };
    this.#feeds.set(peer, feed);
    if (feed.spoken !== spoken) this.#lost(feed, spoken);
    if (feed.isComplete) return;
    const { clock } = this.#options;
    const isStalled = feed.load === null || clock.monotonicMs() - feed.load.heardMs >= PATIENCE_MS;
    if (isStalled) this.#ask(peer, feed);
  }

  changes(peer: Peer, { number, changes }: Changes): void {
    const feed = this.#feeds.get(peer);
    if (feed === undefined || number <= feed.spoken) return;
    if (number !== feed.spoken + 1) this.#lost(feed, number);
    feed.spoken = number;
    for (const change of changes) {
      feed.load?.changed.set(change.userId, number);
      this.#options.elsewhere.change(feed, change);
    }
  }

  portion(peer: Peer, { request, index, isLast, spoken, changes }: Portion): void {
    const feed = this.#feeds.get(peer);
    const load = feed?.load ?? null;
    if (feed === undefined || load === null || load.request !== request) return;
    if (index !== load.nextIndex) {
      feed.load = null;
      return;
    }
    const { clock, elsewhere } = this.#options;
    load.nextIndex += 1;
    load.heardMs = clock.monotonicMs();
    for (const change of changes) {
      if ((load.changed.get(change.userId) ?? 0) <= spoken) elsewhere.change(feed, change);
    }
    if (!isLast) return;
    feed.load = null;
    feed.isComplete = true;
    elsewhere.sweep(feed);
  }

  gone(peer: Peer): void {
    const feed = this.#feeds.get(peer);
    if (feed === undefined) return;
    this.#feeds.delete(peer);
    this.#options.elsewhere.drop(feed, peer.heardMs);
  }

  /** Changes up to this number are missing. */
  #lost(feed: Feed, spoken: number): void {
    feed.spoken = spoken;
    feed.isComplete = false;
    feed.load = null;
  }

  #ask(peer: Peer, feed: Feed): void {
    const { channels, clock, run } = this.#options;
    this.#requests += 1;
    feed.mark = this.#requests;
    feed.load = {
      ...{ request: this.#requests, nextIndex: 0, changed: new Map() },
      heardMs: clock.monotonicMs(),
    };
    const message = { kind: "request", run, request: this.#requests } as const;
    channels.publish(ownChannel(peer.beat.run), encodeNodeMessage(message));
  }
}
