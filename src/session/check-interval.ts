const LONGEST_MS = 1_000;
/** More often would be a busy loop. */
const SHORTEST_MS = 50;

/**
 * How often to look so that each of the times is kept to a quarter of it, or a second: looking at
 * thousands of idle sessions is much of what they cost.
 *
 * @param timesMs 0 is a limit that there is not
 */
export function checkIntervalMs(timesMs: readonly number[]): number {
  const shortestMs = Math.min(...timesMs.filter((timeMs) => timeMs > 0));
  return Math.min(LONGEST_MS, Math.max(SHORTEST_MS, Math.floor(shortestMs / 4)));
}
