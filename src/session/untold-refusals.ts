import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";

const LOGGED_EVERY_MS = 1_000;

/**
 * Refusals of frames whose client does not listen to its errors: they are logged, of a connection no
 * more than one line a second, so that a client that floods the server does not flood its log.
 */
export class UntoldRefusals {
  readonly #log: Log;
  readonly #clock: Clock;
  #loggedMs = Number.NEGATIVE_INFINITY;
  #times = 0;

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  add(fields: Readonly<Record<string, unknown>>): void {
    this.#times += 1;
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#loggedMs < LOGGED_EVERY_MS) return;
    const told = { ...fields, times: this.#times };
    this.#log.warn(told, "Refused, and the client does not listen to its errors");
    this.#loggedMs = nowMs;
    this.#times = 0;
  }
}
