import type { Clock } from "../clock.ts";
import type { MaybePromise } from "../maybe-promise.ts";

/** When the store cannot be read. */
const RETRY_MS = 1_000;

export interface RetriedOptions {
  readonly clock: Clock;
  /** Of each attempt. */
  readonly onFault: (fault: unknown) => void;
}

/** Does it until it succeeds, once a second; undefined: it is not wanted any more. */
export async function retried<T>(
  { clock, onFault }: RetriedOptions,
  isWanted: () => boolean,
  work: () => MaybePromise<T>,
): Promise<T | undefined> {
  while (isWanted()) {
    try {
      return await work();
    } catch (fault) {
      onFault(fault);
      await new Promise<void>((resolve) => clock.schedule(RETRY_MS, resolve));
    }
  }
  return undefined;
}
