import type { NodeChannels } from "../broker/node-channels.ts";
import type { Clock, Timer } from "../clock.ts";
import { differences, type NodeInfo, type SelfDescription } from "./node-info.ts";
import { type Beat, encodeNodeMessage } from "./node-messages.ts";

/** What all nodes hear. */
export const EVERY_NODE = "nodes/all";

const BEAT_MS = 1_000;
/** Who is silent for so long is dead. */
const SILENCE_MS = 5_000;
/** After this node was cut off: others may have been too, and take so long to come back. */
const RETURN_MS = 10_000;
/** Several nodes say hello at once, and have one answer. */
const ANSWER_MS = 20;

/** Another node, from its start until it is gone; known by its identity. */
export class Peer {
  /** By the wall clock. */
  heardMs = 0;
  heardMonotonicMs = 0;

  constructor(
    readonly id: string,
    /** Its latest. */
    public beat: Beat,
  ) {}
}

export interface RosterListener {
  /** A node is new, and is heard next. */
  came(peer: Peer): void;
  /** It beats. */
  heard(peer: Peer): void;
  /** It has ended in order, or is held to be dead. When it lives after all, it is another peer. */
  gone(peer: Peer, isInOrder: boolean): void;
  /**
   * Once a second.
   *
   * @param isLed this node or one that it hears leads; or it does not reach the others, and cannot know
   */
  beat(isLed: boolean): void;
}

export interface RosterOptions {
  readonly channels: NodeChannels;
  readonly clock: Clock;
  /** This node's, see `NodeMessage`. */
  readonly run: string;
  readonly self: SelfDescription;
  /** The number of this node's last `Changes`. */
  readonly spoken: () => number;
  /** So long others are held to live while this node does not reach them. */
  readonly ttlMs: number;
  readonly listener: RosterListener;
}

/**
 * Which nodes there are. Each beats once a second; who was silent for five is dead. Nobody is judged
 * for what this node could not hear: while it is cut off, when it has just come back, and after it
 * was held up itself.
 */
export class Roster {
  readonly #options: RosterOptions;
  /** By run. */
  readonly #peers = new Map<string, Peer>();
  #timer: Timer | null = null;
  #answer: Timer | null = null;
  #dueMs = 0;
  /** Nobody is judged before. */
  #judgeFromMs = 0;
  /** Since when this node is cut off; null: it is not. */
  #cutOffMs: number | null = null;

  constructor(options: RosterOptions) {
    this.#options = options;
    options.channels.onGap(() => {
      this.#returned();
      if (this.#timer !== null) this.#beat(true);
    });
  }

  /** Other nodes that live. */
  get size(): number {
    return this.#peers.size;
  }

  start(): void {
    this.#schedule();
    void this.#options.channels.subscribe(EVERY_NODE).then(() => {
      if (this.#timer !== null) this.#beat(true);
    });
  }

  /** Says goodbye. */
  stop(): void {
    if (this.#timer === null) return;
    this.#timer.cancel();
    this.#timer = null;
    this.#answer?.cancel();
    const { channels, run } = this.#options;
    channels.publish(EVERY_NODE, encodeNodeMessage({ kind: "goodbye", run }));
  }

  heard(id: string, beat: Beat): void {
    const { clock, listener } = this.#options;
    let peer = this.#peers.get(beat.run);
    if (peer === undefined) {
      peer = new Peer(id, beat);
      this.#peers.set(beat.run, peer);
      listener.came(peer);
    }
    peer.beat = beat;
    peer.heardMs = clock.now();
    peer.heardMonotonicMs = clock.monotonicMs();
    if (beat.isHello) this.#answer ??= clock.schedule(ANSWER_MS, () => this.#answerHello());
    listener.heard(peer);
  }

  /** It ends. */
  goodbye(run: string): void {
    const peer = this.#peers.get(run);
    if (peer !== undefined) this.#drop(peer, true);
  }

  find(run: string): Peer | null {
    return this.#peers.get(run) ?? null;
  }

  /** This node first. */
  list(): NodeInfo[] {
    const { channels, clock, self } = this.#options;
    const nowMs = clock.monotonicMs();
    const { isConnected, nodeId } = channels;
    const known = [...this.#peers.values()].map((peer): NodeInfo => {
      const { id, beat, heardMs, heardMonotonicMs } = peer;
      const { version, startedMs, connections, users, isLeader } = beat;
      const isHeard = isConnected && nowMs - heardMonotonicMs < 3 * BEAT_MS;
      return {
        ...{ id, version, startedMs, connections, users, heardMs },
        ...{ isSelf: false, isConnected: isHeard, isLeader },
        differs: differences(self.settings, beat.settings),
      };
    });
    return [selfInfo(nodeId, self, isConnected, clock.now()), ...known];
  }

  #schedule(): void {
    const { clock } = this.#options;
    this.#dueMs = clock.monotonicMs() + BEAT_MS;
    this.#timer = clock.schedule(BEAT_MS, () => {
      this.#judge();
      this.#options.listener.beat(this.#isLed());
      this.#beat(false);
      this.#schedule();
    });
  }

  #judge(): void {
    const { channels, clock, ttlMs } = this.#options;
    const nowMs = clock.monotonicMs();
    if (!channels.isConnected) {
      this.#cutOffMs ??= nowMs;
      if (nowMs - this.#cutOffMs >= ttlMs)
        for (const peer of this.#peers.values()) this.#drop(peer, false);
      return;
    }
    if (this.#cutOffMs !== null) this.#returned();
    // What others said meanwhile may still be on its way.
    if (nowMs - this.#dueMs > BEAT_MS) this.#judgeNotBefore(nowMs + SILENCE_MS);
    if (nowMs < this.#judgeFromMs) return;
    for (const peer of this.#peers.values()) {
      if (nowMs - peer.heardMonotonicMs >= SILENCE_MS) this.#drop(peer, false);
    }
  }

  #isLed(): boolean {
    const { channels, self } = this.#options;
    if (!channels.isConnected || self.isLeader()) return true;
    return this.#peers.values().some(({ beat }) => beat.isLeader);
  }

  #returned(): void {
    this.#cutOffMs = null;
    this.#judgeNotBefore(this.#options.clock.monotonicMs() + RETURN_MS);
  }

  #judgeNotBefore(ms: number): void {
    this.#judgeFromMs = Math.max(this.#judgeFromMs, ms);
  }

  #drop(peer: Peer, isInOrder: boolean): void {
    this.#peers.delete(peer.beat.run);
    this.#options.listener.gone(peer, isInOrder);
  }

  #answerHello(): void {
    this.#answer = null;
    this.#beat(false);
  }

  #beat(isHello: boolean): void {
    const { channels, run, self, spoken } = this.#options;
    if (!channels.isConnected) return;
    const { version, startedMs, settings } = self;
    const beat = {
      ...({ kind: "beat", run, isHello, version, startedMs } as const),
      ...{ connections: self.connections(), users: self.users(), spoken: spoken() },
      ...{ isLeader: self.isLeader(), settings },
    };
    channels.publish(EVERY_NODE, encodeNodeMessage(beat));
  }
}

/** @param isConnected it reaches the others, or is alone */
export function selfInfo(
  id: string,
  { version, startedMs, connections, users, isLeader }: SelfDescription,
  isConnected: boolean,
  nowMs: number,
): NodeInfo {
  return {
    ...{ id, version, startedMs, connections: connections(), users: users() },
    ...{ isSelf: true, isConnected, isLeader: isLeader(), heardMs: nowMs, differs: [] },
  };
}
