import type { TokenBuckets } from "../token-buckets.ts";
import type { LimitKeys } from "./limit-keys.ts";
import type { Remote } from "./remote.ts";

/** What may still come at once, of so many, and how fast more may. */
export interface RateStanding {
  readonly burst: number;
  readonly perSecond: number;
  readonly left: number;
}

/** How fast something may come from one client address. */
export class AddressRate {
  constructor(
    readonly keys: LimitKeys,
    readonly buckets: TokenBuckets,
    /** As in "Too many …". */
    readonly what: string,
  ) {}

  /** How the address stands; null where nobody counts. */
  standing(remote: Remote): RateStanding | null {
    const key = this.keys.of(remote);
    const { perSecond, burst } = this.buckets.rate;
    if (key === null || perSecond === 0) return null;
    const left = this.buckets.left(key);
    return { burst, perSecond, left };
  }

  /** Counts one. Throws RATE_LIMITED for one too many. */
  spend(remote: Remote): void {
    const key = this.keys.of(remote);
    if (key !== null) this.buckets.spend(key, this.what);
  }
}
