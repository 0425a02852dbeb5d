/** What a backplane tells of. It is called in the order of what happened, and must not throw. */
export interface BackplaneListener {
  /**
   * Another node published on a channel that this one listens to. Once for each message, however many
   * of the node's subscriptions cover its channel; in the order in which its node published on it.
   *
   * @param origin the id of the node that published it
   * @param payload the listener's own: nobody changes it
   */
  received(origin: string, channel: string, payload: Uint8Array): void;
  /**
   * After `subscribe`, or before it returns: what others publish on the channel from now on arrives.
   * Also told again. While the connection is lost it is not told; `changed(null)` says it of all that
   * are subscribed to.
   */
  subscribed(channel: string): void;
  /** The connection was lost and is back: what others published meanwhile may be missing. */
  gap(): void;
  /** @param reason why the connection is lost; null: it is there. It holds no secret. */
  changed(reason: string | null): void;
}

/** Counted since the start. */
export interface BackplaneCounts {
  /** Messages of this node that were handed on. */
  readonly out: number;
  /** Messages of other nodes that came. */
  readonly in: number;
  /** Messages of this node that were not handed on: not connected, or more than may wait. */
  readonly dropped: number;
  /** Payloads that came and are of no node of this version. */
  readonly invalid: number;
  /** How often a connection was made again. */
  readonly reconnects: number;
}

/**
 * Carries payloads between the nodes of an installation, on channels with names of any text.
 *
 * At most once: it has no memory. What is published while the connection is lost, or faster than it
 * goes out, is dropped and counted; what a node begins to listen to arrives from soon after the call.
 * Payloads of one node on one channel come in the order of their publishing; nothing is promised
 * between channels or nodes. A node never gets its own.
 *
 * No call blocks, waits or throws, whatever the state of the connection, which heals by itself.
 */
export interface Backplane {
  /** This node's. */
  readonly nodeId: string;
  /** False: there are no other nodes, and nothing need be made ready to be published. */
  readonly isShared: boolean;
  /** Everything that this node listens to arrives, and what it publishes goes out. */
  readonly isConnected: boolean;
  readonly counts: BackplaneCounts;
  /** Begins to connect. Once, before all other calls. */
  start(listener: BackplaneListener): void;
  /** To all other nodes that listen to the channel. The payload is not changed afterwards. */
  publish(channel: string, payload: Uint8Array): void;
  /** Idempotent, as the three others are. See `BackplaneListener.subscribed` for when it holds. */
  subscribe(channel: string): void;
  unsubscribe(channel: string): void;
  /** To all channels whose names begin so; "" is every one. */
  subscribePrefix(prefix: string): void;
  unsubscribePrefix(prefix: string): void;
  /** Lets go of the connections, after what was published before; nothing is told any more. */
  close(): Promise<void>;
}
