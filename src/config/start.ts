import { AppError } from "../errors.ts";
import { authenticationProblems, hasAuthentication } from "./authentication-order.ts";
import type { Settings } from "./schema.ts";

/** 127.0.0.0/8, ::1 and localhost. In doubt a host is not loopback. */
export function isLoopbackHost(host: string): boolean {
  return LOOPBACK_HOST.test(host);
}

const LOOPBACK_NAME = String.raw`(?:localhost|::1|127(?:\.(?:\d{1,2}|[01]\d\d|2[0-4]\d|25[0-5])){3})`;
/** One look: every connection is asked about several times. */
const LOOPBACK_HOST = new RegExp(String.raw`^(?:${LOOPBACK_NAME}|\[${LOOPBACK_NAME}\])$`, "i");

/** The first address that other machines reach, of those that Parley would listen on. */
export function exposedHost({ host, tcp }: Settings): string | undefined {
  const hosts = tcp.port === undefined ? [host] : [host, tcp.host];
  return hosts.find((candidate) => !isLoopbackHost(candidate));
}

/** What one setting needs of another. */
function backplaneProblems({ backplane, redis }: Settings): string[] {
  if (backplane !== "redis" || redis.url !== undefined) return [];
  return ["backplane is redis, and redis.url is not set: expected the URL of a Redis."];
}

/** What is in a database of one server, or in memory, several processes cannot share. */
function processProblems({ processes, database }: Settings): string[] {
  if (processes === 1 || /^postgres(ql)?:/.test(database.url)) return [];
  return [
    `processes is ${processes}, and only PostgreSQL is shared by several: expected a database.url ` +
      "of PostgreSQL, or one process.",
  ];
}

/**
 * The ways to prove who one is fit together, and other machines reach the server only when there is
 * one.
 *
 * @throws AppError INVALID_CONFIGURATION
 */
export function checkStartAllowed(settings: Settings): void {
  const problems = [
    ...authenticationProblems(settings),
    ...backplaneProblems(settings),
    ...processProblems(settings),
  ];
  if (problems.length > 0) throw new AppError("INVALID_CONFIGURATION", problems.join("\n"));
  const host = exposedHost(settings);
  if (host === undefined || hasAuthentication(settings) || settings.insecureTrustUserId) return;
  const name = isLoopbackHost(settings.host) ? " (tcp.host)" : "";
  throw new AppError(
    "INVALID_CONFIGURATION",
    `Parley does not listen on ${host}${name} without authentication: anyone could be any user. ` +
      "Set a JWT secret of at least 32 bytes (PARLEY_JWT_SECRET, --jwt-secret, or secret under " +
      "[jwt] in the configuration file), or the issuer's public keys (jwt.public_key_file, " +
      "jwt.jwks_url), a session cookie (cookie.jwt_name, cookie.signed_name), the app's endpoint " +
      "that says who connects (webhook.url) or an authenticating proxy (trusted_header.proxies); " +
      "or listen on 127.0.0.1, or, in a closed network only, say --insecure-trust-user-id.",
  );
}

/** What may be meant so, and may not; whole sentences. */
export function startWarnings({ webhook, jwt, backplane, redis }: Settings): string[] {
  const warnings: string[] = [];
  if (redis.url !== undefined && backplane === "local") {
    warnings.push("redis.url is set, but backplane is local: nothing goes over Redis.");
  }
  const warn = (name: string, url: string | undefined) => {
    const { protocol, hostname } = URL.parse(url ?? "") ?? {};
    if (protocol !== "http:" || hostname === undefined || isLoopbackHost(hostname)) return;
    warnings.push(`${name} is no https URL: whoever is on the way there can say who connects.`);
  };
  warn("webhook.url", webhook.url);
  warn("jwt.jwks_url", jwt.jwksUrl);
  return warnings;
}
