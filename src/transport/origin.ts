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
export function isOriginAllowed(headers: Headers, policy: OriginPolicy): boolean {
  const origin = headers.get("origin");
  if (origin === null) return true;
  const { allowedOrigins } = policy;
  if (allowedOrigins.includes("*") || allowedOrigins.includes(origin)) return true;
  if (!URL.canParse(origin)) return false; // Also "null": a file, or a sandboxed frame.
  const url = new URL(origin);
  if (policy.onLoopback && isLoopbackHost(url.hostname)) return true;
  if (url.host !== headers.get("host")) return false;
  // On loopback a foreign name is a proxy's, or one that was made to point here (DNS rebinding).
  return !policy.onLoopback || isProxied(headers);
}

/**
 * The request came through a proxy, or by a name that is not this machine's though it reached
 * loopback (DNS rebinding): its sender is somewhere else.
 */
export function isFromElsewhere(headers: Headers, policy: OriginPolicy): boolean {
  if (isProxied(headers)) return true;
  const url = `http://${headers.get("host") ?? ""}`;
  return policy.onLoopback && !(URL.canParse(url) && isLoopbackHost(new URL(url).hostname));
}

/** Headers by which a proxy names whom it speaks for. */
function isProxied(headers: Headers): boolean {
  return ["x-forwarded-for", "forwarded", "x-real-ip", "via"].some((name) => headers.has(name));
}
