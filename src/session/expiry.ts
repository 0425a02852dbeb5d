import type { Principal } from "../auth/principal.ts";
import { type Clock, isoTime } from "../clock.ts";
import { AppError } from "../errors.ts";

/**
 * When the proof of who a connection belongs to ends. It is measured in monotonic time from the
 * moment of the proof, so that a wall clock that is set later neither cuts clients off nor keeps them.
 */
export class Expiry {
  readonly #clock: Clock;
  /** How long before the end the client is warned; 0: not at all. */
  readonly #warningMs: number;
  #endsMs: number | null = null;
  #isWarned = false;

  constructor(clock: Clock, warningMs: number) {
    this.#clock = clock;
    this.#warningMs = warningMs;
  }

  /** A proof has just been accepted. */
  begin({ expiresMs }: Principal): void {
    const clock = this.#clock;
    this.#endsMs = expiresMs === null ? null : clock.monotonicMs() + expiresMs - clock.now();
    this.#isWarned = this.#warningMs === 0;
  }

  /** TOKEN_EXPIRED once the proof has ended; null before. */
  exceeded(nowMs: number): AppError | null {
    if (this.#endsMs === null || nowMs < this.#endsMs) return null;
    return new AppError("TOKEN_EXPIRED", "The token of this connection has expired");
  }

  /** TOKEN_EXPIRING from the time of the warning on, until `warned`. */
  warning(nowMs: number): AppError | null {
    if (this.#endsMs === null || this.#isWarned) return null;
    const remainingMs = this.#endsMs - nowMs;
    if (remainingMs > this.#warningMs) return null;
    const expiresAt = isoTime(this.#clock.now() + remainingMs);
    const text = "The token expires soon; send a new one to /app/auth.refresh";
    return new AppError("TOKEN_EXPIRING", text, { details: { expiresAt } });
  }

  /** The client has been told of its end. */
  warned(): void {
    this.#isWarned = true;
  }
}
