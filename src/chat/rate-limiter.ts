import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";

const SMALLEST_SWEEP = 1_024;

/** A token bucket for each user. A rate of 0 limits nothing. */
export class RateLimiter {
  readonly #buckets = new Map<string, Bucket>();
  #sweepAtSize = SMALLEST_SWEEP;

  constructor(
    readonly clock: Clock,
    readonly perSecond: number,
    readonly burst: number,
  ) {}

  /** Takes a token; false when there is none. */
  take(userId: string): boolean {
    if (this.perSecond === 0) return true;
    const nowMs = this.clock.monotonicMs();
    let bucket = this.#buckets.get(userId);
    if (bucket === undefined) {
      if (this.#buckets.size >= this.#sweepAtSize) this.#sweep(nowMs);
      bucket = { tokens: this.burst, filledMs: nowMs };
      this.#buckets.set(userId, bucket);
    }
    const elapsedMs = nowMs - bucket.filledMs;
    bucket.tokens = Math.min(this.burst, bucket.tokens + (elapsedMs / 1000) * this.perSecond);
    bucket.filledMs = nowMs;
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  /** Forgets users whose bucket has filled up again: they are as good as new. */
  #sweep(nowMs: number): void {
    for (const [userId, bucket] of this.#buckets) {
      const missing = this.burst - bucket.tokens;
      if (((nowMs - bucket.filledMs) / 1000) * this.perSecond >= missing) {
        this.#buckets.delete(userId);
      }
    }
    this.#sweepAtSize = Math.max(SMALLEST_SWEEP, 2 * this.#buckets.size);
  }
}

interface Bucket {
  tokens: number;
  filledMs: number;
}

export function rateLimited(): AppError {
  return new AppError("RATE_LIMITED", "Too many messages; slow down and send again");
}
