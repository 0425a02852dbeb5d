import type { Clock, Timer } from "../clock.ts";
import { entangled } from "./entangled.ts";
import { MessageRun, type RunChannel, type RunChannels } from "./message-run.ts";
import type { Outgoing } from "./outgoing.ts";
import type { Engine, Peer } from "./subscription.ts";

/** Those who listen to one key through the engine, as far as gathering looks at them. */
export interface Audience {
  readonly channels: RunChannels;
  /** All their peers that the engine's topics reach. */
  readonly reach: number;
  /** null when it is not known: whoever joins or leaves may have changed it. */
  entangled: ReadonlySet<RunChannel> | null;
  /** null as long as the audience has never been large. */
  pace: Pace | null;
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

/** With fewer peers, less is saved than it costs. */
const LEAST_AUDIENCE = 16;
/** When so many wait, more would gain little: the turn is the last that they wait for. */
const ENOUGH = 32;
const MAX_HELD = 256;
/** In characters or octets. What is published in one turn must not fill a healthy peer's buffer. */
const MAX_HELD_SIZE = 64 * 1024;
/** A larger message costs more than its write. */
const MAX_MESSAGE_SIZE = 8 * 1024;
/** If nothing came after this share of the time, it was not worth waiting. */
const IN_VAIN = 0.25;
const MAX_EXCUSED = 255;
/** An audience of so many channels is not searched for a peer. */
const MANY_CHANNELS = 16;
const NONE: ReadonlySet<RunChannel> = new Set();

/**
 * Messages to a large audience leave together: a delivery costs what its write costs, and those
 * that leave together are one write to each peer. What meets in a turn of the event loop waits for
 * the end of it. Under load, when messages follow each other quickly, they wait for each other over
 * turns too; one that comes alone, or only when the one before has arrived, does not.
 *
 * Each peer gets everything in the order in which it was published and sent: whatever else is to
 * reach a peer of theirs, or would change who they are, calls `release`, `releaseBefore` or
 * `releaseTo` first.
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

  /** Holds the message, to deliver it to the audience's channels later; false if it goes at once. */
  takes(audience: Audience, topic: string | null, message: Outgoing): boolean {
    if (audience.reach < LEAST_AUDIENCE) return false;
    audience.pace ??= new Pace();
    const { pace } = audience;
    const nowMs = this.#clock.monotonicMs();
    const isSoon = nowMs - pace.lastMs < this.#gatherMs;
    pace.lastMs = nowMs;
    const size = message.body.length;
    if (size > MAX_MESSAGE_SIZE) return false;
    const waits = this.#isHeld(audience) || (isSoon && !isExcused(pace));
    if (this.#held.length === 0) this.#begin(nowMs, waits);
    this.#newestMs = nowMs;
    this.#held.push({ audience, topic, message });
    this.#heldSize += size;
    const isOver = this.#held.length >= ENOUGH || nowMs - this.#firstMs >= this.#gatherMs;
    if (this.#held.length >= MAX_HELD || this.#heldSize >= MAX_HELD_SIZE) this.flush();
    else if (this.#timer !== null && (isOver || !waits)) this.#waitForTurn();
    return true;
  }

  /** Before anything else may reach the peer. */
  release(peer: Peer): void {
    if (this.#held.length > 0 && this.#held.some(({ audience }) => mayReach(audience, peer))) {
      this.flush();
    }
  }

  /** Before a message that is not held goes to the audience. */
  releaseBefore({ reach, channels }: Audience): void {
    if (this.#held.length === 0) return;
    if (reach >= LEAST_AUDIENCE) {
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
    else this.#waitForTurn();
  }

  /** For the end of this one, and no longer. */
  #waitForTurn(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#endOfTurn = setImmediate(this.#onEndOfTurn);
  }

  readonly #onEndOfTurn = (): void => {
    this.#endOfTurn = null;
    this.flush();
  };

  readonly #onTimer = (): void => {
    const pace = this.#held[0]?.audience.pace ?? null;
    if (pace !== null) judge(pace, this.#newestMs - this.#firstMs >= IN_VAIN * this.#gatherMs);
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
    const { channels } = audience;
    if (channels.size > 1) audience.entangled ??= entangled(channels);
    const inTurn = audience.entangled ?? NONE;
    for (const channel of channels.values()) {
      if (!inTurn.has(channel)) run.deliver(channel, this.#engine);
    }
    run.deliverInTurn(inTurn, this.#engine);
    return to;
  }
}

/** The longer it has been in vain, the longer nothing waits again. */
function judge(pace: Pace, wasWorthIt: boolean): void {
  pace.inVain = wasWorthIt ? 0 : pace.inVain + 1;
  if (!wasWorthIt) pace.excused = Math.min(MAX_EXCUSED, 2 ** pace.inVain - 1);
}

function isExcused(pace: Pace): boolean {
  if (pace.excused === 0) return false;
  pace.excused -= 1;
  return true;
}

/** Without a search, yes. */
function mayReach({ channels }: Audience, peer: Peer): boolean {
  if (channels.size >= MANY_CHANNELS) return true;
  for (const { peers } of channels.values()) if (peers.has(peer)) return true;
  return false;
}
