import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { TokenBuckets } from "../token-buckets.ts";

/** Lines that a connection may cost. */
const LINES = { perSecond: 1, burst: 10 };

/**
 * Refusals of frames whose client does not listen to its errors. They are logged, but of a flood of
 * them a line a second, so that a client that floods the server does not flood its log.
 */
export class UntoldRefusals {
  readonly #log: Log;
  readonly #lines: TokenBuckets;
  /** Since the last line. */
  #times = 0;

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#lines = new TokenBuckets(clock, LINES);
  }

  add(fields: Readonly<Record<string, unknown>>): void {
    this.#times += 1;
    if (!this.#lines.take("")) return;
    const told = { ...fields, times: this.#times };
    this.#log.warn(told, "Refused, and the client does not listen to its errors");
    this.#times = 0;
  }
}
