import type { TokenBuckets } from "../token-buckets.ts";
import type { LimitKeys } from "./limit-keys.ts";
import type { Remote } from "./remote.ts";

/** How fast something may come from one client address. */
export class AddressRate {
  constructor(
    readonly keys: LimitKeys,
    readonly buckets: TokenBuckets,
    /** As in "Too many …". */
    readonly what: string,
  ) {}

  /** Counts one. Throws RATE_LIMITED for one too many. */
  spend(remote: Remote): void {
    const key = this.keys.of(remote);
    if (key !== null) this.buckets.spend(key, this.what);
  }
}
