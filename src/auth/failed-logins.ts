import { AppError } from "../errors.ts";
import { rateLimited, type TokenBuckets } from "../token-buckets.ts";
import type { LimitKeys } from "./limit-keys.ts";
import type { Remote } from "./remote.ts";

/**
 * Keeps an address from trying one secret after another, and from making the server verify them: once
 * it has failed too often, its proofs are not looked at for a while, not even good ones.
 */
export class FailedLogins {
  constructor(
    readonly keys: LimitKeys,
    readonly failures: TokenBuckets,
  ) {}

  /** Before a proof is looked at. Throws RATE_LIMITED. */
  assertMayTry(remote: Remote): void {
    const key = this.keys.of(remote);
    const waitMs = key === null ? 0 : this.failures.waitMs(key);
    if (waitMs > 0) throw rateLimited("failed logins from this address", waitMs);
  }

  /**
   * What a proof was refused with. Who shows none, or one that was good once, guesses nothing, and is
   * not counted.
   */
  note(remote: Remote, fault: unknown): void {
    const key = this.keys.of(remote);
    const isGuess = fault instanceof AppError && fault.code === "AUTHENTICATION_FAILED";
    if (key !== null && isGuess) this.failures.take(key);
  }
}
