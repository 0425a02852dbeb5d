import { isLoopbackHost } from "../config.ts";

export interface OriginPolicy {
  /** `*` is every one. */
  readonly allowedOrigins: readonly string[];
  /** The server listens on loopback, so pages of this machine (a front end's own server) may connect. */
  readonly onLoopback: boolean;
}

/**
 * May a page of this origin speak to the server? Programs that are no browsers send none. The same
 * host is always allowed.
 */
export function isOriginAllowed(
  origin: string | null,
  host: string | null,
  policy: OriginPolicy,
): boolean {
  if (origin === null) return true;
  const { allowedOrigins } = policy;
  if (allowedOrigins.includes("*") || allowedOrigins.includes(origin)) return true;
  if (!URL.canParse(origin)) return false; // Also "null": a file, or a sandboxed frame.
  const url = new URL(origin);
  if (host !== null && url.host === host) return true;
  return policy.onLoopback && isLoopbackHost(url.hostname);
}

/** Headers by which a proxy names whom it speaks for. */
export function isProxied(headers: Headers): boolean {
  return ["x-forwarded-for", "forwarded", "x-real-ip", "via"].some((name) => headers.has(name));
}
