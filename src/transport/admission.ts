import type { LimitKeys } from "../auth/limit-keys.ts";
import type { Remote } from "../auth/remote.ts";
import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import { type Rate, rateLimited, TokenBuckets } from "../token-buckets.ts";
import type { LiveSessions } from "./live-sessions.ts";

export interface AdmissionOptions {
  readonly sessions: LiveSessions;
  readonly keys: LimitKeys;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** In total. */
  readonly connections: number;
  /** 0 is no limit. */
  readonly connectionsPerAddress: number;
  /** Of those, before their CONNECT is accepted. 0 is no limit. */
  readonly strangersPerAddress: number;
  /** That an address may open. */
  readonly connects: Rate;
}

/** Who is refused is told to come back after this and a random time up to as long again. */
const COME_BACK_MS = 5_000;

/** Decides which new connections the server has room for, before they cost anything. */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #connects: TokenBuckets;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#connects = new TokenBuckets(options.clock, options.connects);
  }

  /** Nobody is let in. */
  get isFull(): boolean {
    const { sessions, connections } = this.#options;
    return sessions.count >= connections || sessions.isOverfull;
  }

  /**
   * Counts an attempt to connect. null lets it in; else why not: SERVER_FULL, TOO_MANY_CONNECTIONS of
   * its address, or RATE_LIMITED, each with a time to come back.
   */
  refusal(remote: Remote): AppError | null {
    if (this.isFull) return this.#refuse("SERVER_FULL", "The server has all that it can serve");
    const { keys, sessions, connectionsPerAddress, strangersPerAddress } = this.#options;
    const key = keys.of(remote);
    if (key === null) return null;
    if (!this.#connects.take(key)) {
      return rateLimited("connections from this address", this.#connects.waitMs(key));
    }
    if (isReached(connectionsPerAddress, sessions.countOf(key))) {
      const text = `${connectionsPerAddress} connections are open from this address`;
      return this.#refuse("TOO_MANY_CONNECTIONS", text);
    }
    // What engine and decoder keep for those who have proven nothing is not theirs to fill.
    if (isReached(strangersPerAddress, sessions.strangersOf(key))) {
      const text = `${strangersPerAddress} connections from this address have sent no CONNECT yet`;
      return this.#refuse("TOO_MANY_CONNECTIONS", text);
    }
    return null;
  }

  #refuse(code: "SERVER_FULL" | "TOO_MANY_CONNECTIONS", text: string): AppError {
    const retryAfterMs = Math.round(COME_BACK_MS * (1 + this.#options.random()));
    return new AppError(code, text, { details: { retryAfterMs } });
  }
}

function isReached(limit: number, count: number): boolean {
  return limit > 0 && count >= limit;
}
