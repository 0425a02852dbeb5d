import { isLoopbackHost } from "../config.ts";

export interface OriginPolicy {
  /** `*` is every one. */
  readonly allowedOrigins: readonly string[];
  /** The server listens on loopback, so pages of this machine (a front end's own server) may connect. */
  readonly onLoopback: boolean;
  /** The server itself speaks TLS: its own pages are https. */
  readonly isHttps: boolean;
}

/**
 * What page a request comes from, as the browser says:
 *
 * - `none`: none that it tells of, as with programs, or one of the server's own
 * - `own`: the server's own, by scheme, host and port
 * - `listed`: one that the operator has named, or of this machine where the server is only there
 * - `any`: one that nobody has named, but `*` lets in
 * - `foreign`: one that may not speak to the server
 */
export type OriginStanding = "none" | "own" | "listed" | "any" | "foreign";

export function originStanding(headers: Headers, policy: OriginPolicy): OriginStanding {
  const origin = headers.get("origin");
  if (origin !== null) return standingOf(origin, headers, policy);
  if (!isCrossSiteEmbedding(headers)) return "none";
  // A script or a frame (JSONP, htmlfile) of another site, which sends no Origin: its Referer counts.
  const referer = URL.parse(headers.get("referer") ?? "");
  return standingOf(referer?.origin ?? "null", headers, policy);
}

/**
 * May a page of this origin speak to the server? Programs that are no browsers send none. The same
 * host is always allowed.
 */
export function isOriginAllowed(headers: Headers, policy: OriginPolicy): boolean {
  return originStanding(headers, policy) !== "foreign";
}

/**
 * Cookies say who sits in front of the browser, but not who has written the page: they count only
 * from pages that somebody vouches for.
 */
export function areCookiesTrusted(headers: Headers, policy: OriginPolicy): boolean {
  const standing = originStanding(headers, policy);
  return standing !== "foreign" && standing !== "any";
}

/**
 * The request came through a proxy, or by a name that is not this machine's though it reached
 * loopback (DNS rebinding): its sender is somewhere else.
 */
export function isFromElsewhere(headers: Headers, policy: OriginPolicy): boolean {
  if (isProxied(headers)) return true;
  if (!policy.onLoopback) return false;
  const url = hostUrl("http:", headers);
  return url === null || !isLoopbackHost(url.hostname);
}

function standingOf(origin: string, headers: Headers, policy: OriginPolicy): OriginStanding {
  const { allowedOrigins, onLoopback } = policy;
  if (allowedOrigins.includes(origin)) return "listed";
  const otherwise = allowedOrigins.includes("*") ? "any" : "foreign";
  const url = URL.parse(origin);
  if (url === null) return otherwise; // Also "null": a file, or a sandboxed frame.
  const fromElsewhere = isFromElsewhere(headers, policy);
  // Not through a proxy: to its users, a page of their own machine is a stranger.
  if (onLoopback && !fromElsewhere && isLoopbackHost(url.hostname)) return "listed";
  if (!isOwn(url, headers, policy)) return otherwise;
  // On loopback a foreign name is a proxy's, or one that was made to point here (DNS rebinding).
  return onLoopback && fromElsewhere && !isProxied(headers) ? otherwise : "own";
}

/** An http page of an https server could be anybody's between the two. */
function isOwn(origin: URL, headers: Headers, { isHttps }: OriginPolicy): boolean {
  const { protocol, host } = origin;
  if (protocol !== "https:" && protocol !== "http:") return false;
  const isSecure = isHttps || /^https(?:,|$)/i.test(headers.get("x-forwarded-proto") ?? "");
  if (isSecure && protocol !== "https:") return false;
  return hostUrl(protocol, headers)?.host === host;
}

/** null for a Host that is more than host and port. */
function hostUrl(protocol: string, headers: Headers): URL | null {
  const host = headers.get("host") ?? "";
  return /^[^\s/\\?#@]+$/.test(host) ? URL.parse(`${protocol}//${host}`) : null;
}

/** Part of a page of another origin; a link that somebody follows is not. */
function isCrossSiteEmbedding(headers: Headers): boolean {
  const site = headers.get("sec-fetch-site");
  if (site !== "cross-site" && site !== "same-site") return false;
  return headers.get("sec-fetch-dest") !== "document";
}

/** Headers by which a proxy names whom it speaks for. */
function isProxied(headers: Headers): boolean {
  return ["x-forwarded-for", "forwarded", "x-real-ip", "via"].some((name) => headers.has(name));
}
