export interface BackOff {
  /** After the first failure, at most; twice as long after each further one. */
  readonly firstMs: number;
  /** However many failures there were, no longer than this. */
  readonly mostMs: number;
}

/**
 * How long to wait before the next try: exponential, with full jitter, so that what failed together
 * does not come back together.
 *
 * @param attempts those that have failed, at least 1
 * @param random from 0, up to and without 1
 * @returns milliseconds, a whole number from 1 to `mostMs`
 */
export function backOffMs(
  attempts: number,
  { firstMs, mostMs }: BackOff,
  random: () => number,
): number {
  // Beyond some thousand doublings this is infinite, and the other one is the smaller.
  const longestMs = Math.min(mostMs, firstMs * 2 ** (attempts - 1));
  return Math.max(1, Math.ceil(random() * longestMs));
}
