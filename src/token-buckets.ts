import type { Clock } from "./clock.ts";
import { AppError } from "./errors.ts";

export interface Rate {
  /** Tokens that come back each second, up to `burst`; 0 limits nothing. */
  readonly perSecond: number;
  readonly burst: number;
}

const SMALLEST_SWEEP = 1_024;
/** A flood of keys costs no more memory than this; the buckets made first are forgotten first. */
const MOST_BUCKETS = 100_000;
/** At a time: on its way to the oldest, the engine passes over the places of those before it. */
const FORGOTTEN_TOGETHER = MOST_BUCKETS / 16;

/** A bucket of tokens for each key, a user or an address. It is full at first. */
export class TokenBuckets {
  readonly #buckets = new Map<string, Bucket>();
  #sweepAtSize = SMALLEST_SWEEP;

  constructor(
    readonly clock: Clock,
    readonly rate: Rate,
  ) {}

  /** How many keys are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Takes a token; false when there is none. */
  take(key: string): boolean {
    if (this.rate.perSecond === 0) return true;
    const nowMs = this.clock.monotonicMs();
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      this.#makeRoom(nowMs);
      bucket = { tokens: this.rate.burst, filledMs: nowMs };
      this.#buckets.set(key, bucket);
    } else {
      this.#fill(bucket, nowMs);
    }
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  /** Takes a token. Throws RATE_LIMITED, with the time until there is one, when there is none. */
  spend(key: string, what: string): void {
    if (!this.take(key)) throw rateLimited(what, this.waitMs(key));
  }

  /** How many tokens there are. Takes none. */
  left(key: string): number {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return this.rate.burst;
    this.#fill(bucket, this.clock.monotonicMs());
    return Math.floor(bucket.tokens);
  }

  /** Milliseconds until there is a token, rounded up; 0 when there is one. Takes none. */
  waitMs(key: string): number {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined || this.rate.perSecond === 0) return 0;
    this.#fill(bucket, this.clock.monotonicMs());
    if (bucket.tokens >= 1) return 0;
    return Math.ceil(((1 - bucket.tokens) / this.rate.perSecond) * 1_000);
  }

  #fill(bucket: Bucket, nowMs: number): void {
    const { perSecond, burst } = this.rate;
    const elapsedMs = nowMs - bucket.filledMs;
    bucket.tokens = Math.min(burst, bucket.tokens + (elapsedMs / 1_000) * perSecond);
    bucket.filledMs = nowMs;
  }

  #makeRoom(nowMs: number): void {
    if (this.#buckets.size < this.#sweepAtSize) return;
    this.#sweep(nowMs);
    const room = MOST_BUCKETS - FORGOTTEN_TOGETHER;
    if (this.#buckets.size > room) this.#forgetOldest(this.#buckets.size - room);
    const twice = 2 * this.#buckets.size;
    this.#sweepAtSize = Math.min(MOST_BUCKETS, Math.max(SMALLEST_SWEEP, twice));
  }

  /** Forgets keys whose bucket has filled up again: they are as good as new. */
  #sweep(nowMs: number): void {
    for (const [key, bucket] of this.#buckets) {
      this.#fill(bucket, nowMs);
      if (bucket.tokens >= this.rate.burst) this.#buckets.delete(key);
    }
  }

  #forgetOldest(count: number): void {
    let left = count;
    for (const key of this.#buckets.keys()) {
      if (left === 0) return;
      left -= 1;
      this.#buckets.delete(key);
    }
  }
}

interface Bucket {
  tokens: number;
  filledMs: number;
}

/** RATE_LIMITED, with the time after which the same may succeed. */
export function rateLimited(what: string, retryAfterMs: number): AppError {
  const text = `Too many ${what}; try again in ${retryAfterMs} ms`;
  return new AppError("RATE_LIMITED", text, { details: { retryAfterMs } });
}
