/** The engine counts the time that a connection may be idle in whole seconds, and not beyond these. */
const MOST_SECONDS = 255;

export function engineSeconds(ms: number): number {
  return Math.min(MOST_SECONDS, Math.max(1, Math.ceil(ms / 1_000)));
}
