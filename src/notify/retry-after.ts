const DAY_MS = 86_400_000;
const TOO_MANY_REQUESTS = 429;

/**
 * What a `retry-after` header asks for [RFC 9110 §10.2.3]: from now, in milliseconds, a day at most;
 * null: nothing, or it cannot be read.
 */
export function retryAfterMs(header: string | null | undefined, nowMs: number): number | null {
  if (header == null) return null;
  const waitMs = /^\d+$/.test(header) ? Number(header) * 1_000 : httpDate(header) - nowMs;
  return Number.isNaN(waitMs) ? null : Math.min(Math.max(waitMs, 0), DAY_MS);
}

/**
 * Who is to blame for an answer after which it may be tried again: where there are too many requests,
 * and no time is named, they may be those for one target [RFC 8030 §8.4].
 */
export function blamed(status: number, afterMs: number | null): "provider" | "target" {
  return status === TOO_MANY_REQUESTS && afterMs === null ? "target" : "provider";
}

/** Of any of the three forms, all of which are in GMT [RFC 9110 §5.6.7]; NaN: it is none. */
function httpDate(text: string): number {
  if (!/^[A-Z][a-z]{2,8},? /.test(text)) return Number.NaN;
  return Date.parse(text.endsWith(" GMT") ? text : `${text} GMT`);
}
