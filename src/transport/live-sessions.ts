import type { LimitKeys } from "../auth/limit-keys.ts";
import type { Clock, Timer } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { Log } from "../log.ts";
import { dismiss } from "../session/dismissal.ts";
import type { Session } from "../session/session.ts";

export interface LiveSessionsOptions {
  readonly clock: Clock;
  /** Between two looks at a session's time limits; less than twice as long where most others leave. */
  readonly checkEveryMs: number;
  /** Between two looks at the send buffers; no shorter than `checkEveryMs`. */
  readonly buffersEveryMs: number;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** The longest time that a client of a server that stops is told to wait before it comes back. */
  readonly reconnectSpreadMs: number;
  /** By what connections are counted for their addresses. */
  readonly keys: LimitKeys;
  /** What all of them together may hold, see `Session.heldBytes`. */
  readonly bufferedBytes: number;
  /** What the process takes of the machine's memory, in bytes. */
  readonly memoryBytes: () => number;
  readonly log: Log;
}

/** A look at all sessions comes in so many parts: those whose time is over are not closed all at once. */
const PARTS = 8;
/** Between two looks at what all sessions hold, while memory grows. */
const WEIGH_EVERY_MS = 1_000;
/** To ask each of many thousand takes longer than all else that idle ones cost. */
const WEIGH_AT_LEAST_EVERY_MS = 10_000;
/** It has grown when it did by this share of what they may hold. */
const GROWTH = 1 / 16;
/** The greediest are closed until the rest holds no more than this share of the limit. */
const RELIEVED = 0.75;

/** So many are closed before other events have their turn. */
const CLOSED_IN_A_TURN = 250;

/** At all sessions. */
interface Look {
  /** Those it has yet to come to. */
  readonly sessions: SetIterator<Session>;
  readonly atBuffers: boolean;
  partsLeft: number;
  /** Grows with who joins; who leaves does not make it last longer. */
  partSize: number;
}

/** The sessions of every transport, and the timer that holds them to their time limits. */
export class LiveSessions {
  readonly #options: LiveSessionsOptions;
  readonly #sessions = new Set<Session>();
  #timer: Timer | null = null;
  #isDraining = false;
  readonly #byAddress = new Map<string, Set<Session>>();
  #memorySeenMs = 0;
  #weighedMs = 0;
  /** The least since they were weighed. */
  #memoryBytes = Number.NEGATIVE_INFINITY;
  #buffersSeenMs = 0;
  #look: Look | null = null;
  #isOverfull = false;

  constructor(options: LiveSessionsOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#sessions.size;
  }

  /** From the address, see `LimitKeys`. */
  countOf(addressKey: string): number {
    return this.#byAddress.get(addressKey)?.size ?? 0;
  }

  /** From the address, those whose CONNECT has not been accepted yet. */
  strangersOf(addressKey: string): number {
    let count = 0;
    for (const session of this.#byAddress.get(addressKey) ?? []) {
      if (!session.isConnected) count += 1;
    }
    return count;
  }

  /** All together held too much at the last look: nobody should be added. */
  get isOverfull(): boolean {
    return this.#isOverfull && this.#sessions.size > 0;
  }

  /** New sessions are refused. */
  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** The session's transport is open. One that comes while the server stops is told so. */
  add(session: Session): void {
    this.#sessions.add(session);
    const key = this.#options.keys.of(session.connection.remote);
    if (key !== null) {
      const known = this.#byAddress.get(key);
      if (known === undefined) this.#byAddress.set(key, new Set([session]));
      else known.add(session);
    }
    if (this.#isDraining) session.fail(this.#stopping());
    else this.#schedule();
  }

  /** The session's transport is gone. Idempotent. */
  remove(session: Session): void {
    this.#sessions.delete(session);
    const key = this.#options.keys.of(session.connection.remote);
    if (key === null) return;
    const known = this.#byAddress.get(key);
    known?.delete(session);
    if (known?.size === 0) this.#byAddress.delete(key);
  }

  /** From now on no session is added; those that are there go on. */
  drain(): void {
    this.#isDraining = true;
  }

  /**
   * Closes every connection, some in each turn of the event loop. Each client is told that the server
   * goes away, and a time after which to come back.
   */
  async stop(): Promise<void> {
    this.#isDraining = true;
    let inTurn = 0;
    for (const session of this.#sessions) {
      dismiss(session, this.#stopping());
      inTurn += 1;
      if (inTurn < CLOSED_IN_A_TURN) continue;
      inTurn = 0;
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#timer?.cancel();
  }

  readonly #check = (): void => {
    this.#timer = null;
    const nowMs = this.#options.clock.monotonicMs();
    this.#checkPart(nowMs);
    if (nowMs - this.#memorySeenMs >= WEIGH_EVERY_MS) {
      this.#memorySeenMs = nowMs;
      if (this.#mayHoldMore(nowMs)) this.#weigh();
    }
    if (this.#sessions.size > 0) this.#schedule();
  };

  /**
   * After so many parts everyone has been looked at who was there before the first; the next look then
   * begins, however many have joined and left meanwhile.
   */
  #checkPart(nowMs: number): void {
    this.#look ??= this.#beginLook(nowMs);
    const look = this.#look;
    look.partSize = Math.max(look.partSize, Math.ceil(this.#sessions.size / PARTS));
    for (let left = look.partSize; left > 0; left -= 1) {
      const next = look.sessions.next();
      if (next.done) break;
      next.value.check(nowMs, look.atBuffers);
    }
    look.partsLeft -= 1;
    if (look.partsLeft === 0) this.#look = null;
  }

  #beginLook(nowMs: number): Look {
    const atBuffers = nowMs - this.#buffersSeenMs >= this.#options.buffersEveryMs;
    if (atBuffers) this.#buffersSeenMs = nowMs;
    return { sessions: this.#sessions.values(), atBuffers, partsLeft: PARTS, partSize: 0 };
  }

  /** What sessions hold is memory: where that has not grown, they can hold no more that matters. */
  #mayHoldMore(nowMs: number): boolean {
    const { memoryBytes, bufferedBytes } = this.#options;
    const bytes = memoryBytes();
    const hasGrown = bytes - this.#memoryBytes > GROWTH * bufferedBytes;
    const isDue = nowMs - this.#weighedMs >= WEIGH_AT_LEAST_EVERY_MS;
    this.#memoryBytes = Math.min(this.#memoryBytes, bytes);
    if (!hasGrown && !isDue && !this.#isOverfull) return false;
    this.#weighedMs = nowMs;
    this.#memoryBytes = bytes;
    return true;
  }

  /** Each connection is bounded; here it is seen to that all of them are. */
  #weigh(): void {
    let bytes = 0;
    for (const session of this.#sessions) bytes += session.heldBytes;
    const { bufferedBytes, log } = this.#options;
    this.#isOverfull = bytes > bufferedBytes;
    if (!this.#isOverfull) return;
    const weighed = [...this.#sessions].map((session) => ({ session, bytes: session.heldBytes }));
    weighed.sort((a, b) => b.bytes - a.bytes);
    let closed = 0;
    for (const greedy of weighed) {
      if (bytes <= RELIEVED * bufferedBytes) break;
      greedy.session.evict(new AppError("SERVER_FULL", "The server's connections hold too much"));
      bytes -= greedy.bytes;
      closed += 1;
    }
    log.warn({ limit: bufferedBytes, closed }, "All connections held too much: some were closed");
  }

  #schedule(): void {
    const { clock, checkEveryMs } = this.#options;
    this.#timer ??= clock.schedule(checkEveryMs / PARTS, this.#check);
  }

  #stopping(): AppError {
    const { random, reconnectSpreadMs } = this.#options;
    const retryAfterMs = Math.round(random() * reconnectSpreadMs);
    const text = `The server is stopping; reconnect in ${retryAfterMs} ms`;
    return new AppError("SHUTTING_DOWN", text, { details: { retryAfterMs } });
  }
}
