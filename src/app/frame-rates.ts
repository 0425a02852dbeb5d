import type { LimitKeys } from "../auth/limit-keys.ts";
import type { Clock } from "../clock.ts";
import type { Session } from "../session/session.ts";
import { type Rate, TokenBuckets } from "../token-buckets.ts";

export interface FrameRatesOptions {
  readonly clock: Clock;
  readonly keys: LimitKeys;
  /** Chat messages of a client address. */
  readonly addressMessages: Rate;
  /** SENDs of a user to topics and work queues. */
  readonly sends: Rate;
  /** SUBSCRIBEs of a user. */
  readonly subscribes: Rate;
}

/** How fast frames may come; each method counts one, and throws RATE_LIMITED for one too many. */
export class FrameRates {
  readonly #keys: LimitKeys;
  readonly #addressMessages: TokenBuckets;
  readonly #sends: TokenBuckets;
  readonly #subscribes: TokenBuckets;

  constructor({ clock, keys, ...rates }: FrameRatesOptions) {
    this.#keys = keys;
    this.#addressMessages = new TokenBuckets(clock, rates.addressMessages);
    this.#sends = new TokenBuckets(clock, rates.sends);
    this.#subscribes = new TokenBuckets(clock, rates.subscribes);
  }

  /** A chat message, beside what its user may send. */
  message({ connection }: Session): void {
    const key = this.#keys.of(connection.remote);
    if (key !== null) this.#addressMessages.spend(key, "messages from this address");
  }

  send({ principal }: Session): void {
    this.#sends.spend(principal.userId, "messages");
  }

  subscribe({ principal }: Session): void {
    this.#subscribes.spend(principal.userId, "SUBSCRIBE frames");
  }
}
