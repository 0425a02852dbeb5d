import { AppError } from "../errors.ts";
import type { Settings } from "./schema.ts";

/** 127.0.0.0/8, ::1 and localhost. In doubt a host is not loopback. */
export function isLoopbackHost(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  if (name === "localhost" || name === "::1") return true;
  const octets = name.split(".");
  return (
    octets.length === 4 &&
    octets[0] === "127" &&
    octets.every((octet) => /^\d{1,3}$/.test(octet) && Number(octet) <= 255)
  );
}

/**
 * Other machines reach the server only when it can tell who they are.
 *
 * @throws AppError INVALID_CONFIGURATION
 */
export function checkStartAllowed({ host, jwt, insecureTrustUserId }: Settings): void {
  if (isLoopbackHost(host) || jwt.secret !== undefined || insecureTrustUserId) return;
  throw new AppError(
    "INVALID_CONFIGURATION",
    `Parley does not listen on ${host} without authentication: anyone could be any user. ` +
      "Set a JWT secret of at least 32 bytes (PARLEY_JWT_SECRET, --jwt-secret, or secret under " +
      "[jwt] in the configuration file), or listen on 127.0.0.1, or, in a closed network only, " +
      "say --insecure-trust-user-id.",
  );
}
