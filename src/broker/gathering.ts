import type { Clock, Timer } from "../clock.ts";
import { MessageRun, type RunChannel } from "./message-run.ts";
import type { Outgoing } from "./outgoing.ts";
import type { Engine, Peer } from "./subscription.ts";

/** Those who listen to one key through the engine, as far as gathering looks at them. */
export interface Audience {
  readonly channels: ReadonlyMap<string, RunChannel>;
  /** All their peers that the engine's topics reach. */
  readonly size: number;
  readonly pace: Pace;
}

/** How messages to one audience followed each other. */
export class Pace {
  /** When the last one came, by the monotonic clock. */
  lastMs = Number.NEGATIVE_INFINITY;
  /** How often, one after the other, nothing came to the one that waited. */
  inVain = 0;
  /** So many need not wait although they followed soon. */
  excused = 0;
}

interface Held {
  readonly audience: Audience;
  /** Where the audience is that of a pattern. */
  readonly topic: string | null;
  readonly message: Outgoing;
}

/** Below this, a write to each costs less than what is saved. */
const LEAST_AUDIENCE = 16;
/** From so many channels on, what meets in one turn of the event loop is worth gathering by hand. */
const SCATTERED_FROM = 16;
/**
 * Within this share of the time a message belongs to the burst of the one before: when that one did
 * not wait, the engine itself gathers the two.
 */
const SAME_BURST = 0.05;
/** When so many wait, more would gain little: the engine writes once for so many. */
const ENOUGH = 32;
const MAX_HELD = 256;
/** In characters or octets. What is published in one turn must not fill a healthy peer's buffer. */
const MAX_HELD_SIZE = 64 * 1024;
/** A larger message costs more than its write. */
const MAX_MESSAGE_SIZE = 8 * 1024;
/** Nothing that came within this share of the time makes it worth waiting on. */
const IN_VAIN = 0.25;
const MAX_EXCUSED = 255;

/**
 * Under load, messages to a large audience wait for each other: those of one turn of the event loop
 * leave in one write to each peer, and the write is what a delivery costs. One that comes alone, or
 * follows only when the one before has arrived, does not wait.
 *
 * Each peer gets everything in the order in which it was published and sent: whatever else is to
 * reach a peer of theirs, or would change who they are, calls `release` or `flush` before.
 */
export class Gathering {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #gatherMs: number;
  #held: Held[] = [];
  #heldSize = 0;
  #firstMs = 0;
  #newestMs = 0;
  #timer: Timer | null = null;
  #endOfTurn: NodeJS.Immediate | null = null;

  /** @param gatherMs the longest wait; with 0 none is longer than the turn */
  constructor(engine: Engine, clock: Clock, gatherMs: number) {
    this.#engine = engine;
    this.#clock = clock;
    this.#gatherMs = gatherMs;
  }

  /** Holds the message, to deliver it to the audience's channels later; false if it shall not wait. */
  takes(audience: Audience, topic: string | null, message: Outgoing): boolean {
    if (audience.size < LEAST_AUDIENCE) return false;
    const { pace } = audience;
    const nowMs = this.#clock.monotonicMs();
    const sinceMs = nowMs - pace.lastMs;
    const isSoon = sinceMs < this.#gatherMs && sinceMs > SAME_BURST * this.#gatherMs;
    pace.lastMs = nowMs;
    const size = message.body.length;
    if (size > MAX_MESSAGE_SIZE) return false;
    const isScattered = audience.channels.size >= SCATTERED_FROM;
    const waits = this.#isHeld(audience) || (isSoon && !isExcused(pace));
    if (!waits && !isScattered) return false;
    if (this.#held.length === 0) this.#begin(nowMs, waits);
    this.#newestMs = nowMs;
    this.#held.push({ audience, topic, message });
    this.#heldSize += size;
    const isOver = this.#held.length >= ENOUGH || nowMs - this.#firstMs >= this.#gatherMs;
    if (this.#held.length >= MAX_HELD || this.#heldSize >= MAX_HELD_SIZE) this.flush();
    else if (this.#timer !== null && (isOver || !waits)) this.#waitNoLonger(isScattered);
    return true;
  }

  /** Before anything else may reach the peer. */
  release(peer: Peer): void {
    if (this.#held.length > 0 && this.#held.some(({ audience }) => mayReach(audience, peer))) {
      this.flush();
    }
  }

  /** Before a message that is not held goes to the audience. */
  releaseBefore({ size, channels }: Audience): void {
    if (this.#held.length === 0) return;
    if (size >= LEAST_AUDIENCE) {
      this.flush();
      return;
    }
    for (const { peers } of channels.values()) for (const peer of peers) this.release(peer);
  }

  /** Before anybody joins or leaves the audience. */
  releaseTo(audience: Audience): void {
    if (this.#isHeld(audience)) this.flush();
  }

  /** Delivers what is held. */
  flush(): void {
    const held = this.#held;
    if (held.length === 0) return;
    this.#held = [];
    this.#heldSize = 0;
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#endOfTurn !== null) clearImmediate(this.#endOfTurn);
    this.#endOfTurn = null;
    let from = 0;
    while (from < held.length) from = this.#deliverRun(held, from);
  }

  #begin(nowMs: number, waits: boolean): void {
    this.#firstMs = nowMs;
    if (waits) this.#timer = this.#clock.schedule(this.#gatherMs, this.#onTimer);
    else this.#endOfTurn = setImmediate(this.#onEndOfTurn);
  }

  /** Than the turn, where by hand something can be gathered in it. */
  #waitNoLonger(isScattered: boolean): void {
    if (!isScattered) {
      this.flush();
      return;
    }
    this.#timer?.cancel();
    this.#timer = null;
    this.#endOfTurn = setImmediate(this.#onEndOfTurn);
  }

  readonly #onEndOfTurn = (): void => {
    this.#endOfTurn = null;
    this.flush();
  };

  readonly #onTimer = (): void => {
    const pace = this.#held[0]?.audience.pace;
    if (pace === undefined) return;
    if (this.#newestMs - this.#firstMs < IN_VAIN * this.#gatherMs) {
      pace.inVain += 1;
      pace.excused = Math.min(MAX_EXCUSED, 2 ** pace.inVain - 1);
    } else {
      pace.inVain = 0;
    }
    this.flush();
  };

  #isHeld(audience: Audience): boolean {
    const held = this.#held;
    for (let index = held.length - 1; index >= 0; index -= 1) {
      if (held[index]?.audience === audience) return true;
    }
    return false;
  }

  /** Of those that follow each other to the same audience under the same name. Returns the next index. */
  #deliverRun(held: readonly Held[], from: number): number {
    const first = held[from];
    if (first === undefined) return held.length;
    const { audience, topic } = first;
    const messages: Outgoing[] = [];
    let to = from;
    for (; to < held.length; to += 1) {
      const next = held[to];
      if (next === undefined || next.audience !== audience || next.topic !== topic) break;
      messages.push(next.message);
    }
    const run = new MessageRun(messages, topic);
    for (const channel of audience.channels.values()) run.deliver(channel, this.#engine);
    return to;
  }
}

function isExcused(pace: Pace): boolean {
  if (pace.excused === 0) return false;
  pace.excused -= 1;
  return true;
}

/** Where there are many channels it is not looked for: then the answer is yes. */
function mayReach({ channels }: Audience, peer: Peer): boolean {
  if (channels.size >= SCATTERED_FROM) return true;
  for (const { peers } of channels.values()) if (peers.has(peer)) return true;
  return false;
}
