const DAY_MS = 86_400_000;

/**
 * What a `retry-after` header asks for [RFC 9110 §10.2.3]: from now, in milliseconds, a day at most;
 * null: nothing, or it cannot be read.
 */
export function retryAfterMs(header: string | null | undefined, nowMs: number): number | null {
  if (header == null) return null;
  const waitMs = /^\d+$/.test(header) ? Number(header) * 1_000 : httpDate(header) - nowMs;
  return Number.isNaN(waitMs) ? null : Math.min(Math.max(waitMs, 0), DAY_MS);
}

/** Of any of the three forms, all of which are in GMT [RFC 9110 §5.6.7]; NaN: it is none. */
function httpDate(text: string): number {
  if (!/^[A-Z][a-z]{2,8},? /.test(text)) return Number.NaN;
  return Date.parse(text.endsWith(" GMT") ? text : `${text} GMT`);
}
