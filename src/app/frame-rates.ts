import type { AddressRate } from "../auth/address-rate.ts";
import type { Session } from "../session/session.ts";
import type { TokenBuckets } from "../token-buckets.ts";

export interface FrameRatesOptions {
  /** Chat messages of a client address. */
  readonly addressMessages: AddressRate;
  /** SENDs of a user to topics and work queues. */
  readonly sends: TokenBuckets;
  /** SUBSCRIBEs of a user. */
  readonly subscribes: TokenBuckets;
}

/** How fast frames may come; each method counts one, and throws RATE_LIMITED for one too many. */
export class FrameRates {
  readonly #options: FrameRatesOptions;

  constructor(options: FrameRatesOptions) {
    this.#options = options;
  }

  /** A chat message, beside what its user may send. */
  message({ connection }: Session): void {
    this.#options.addressMessages.spend(connection.remote);
  }

  send({ principal }: Session): void {
    this.#options.sends.spend(principal.userId, "messages");
  }

  subscribe({ principal }: Session): void {
    this.#options.subscribes.spend(principal.userId, "SUBSCRIBE frames");
  }
}
