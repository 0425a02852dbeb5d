import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import { type Authenticator, type Credentials, makePrincipal } from "./authenticator.ts";
import type { Principal } from "./principal.ts";

/**
 * Believes the `X-User-Id` header, or CONNECT's `login`, with `X-User-Name` as the name. For
 * development on loopback. A request that a proxy passed on comes from elsewhere: unless
 * `everywhere` is set (`--insecure-trust-user-id`), it is refused.
 */
export class DevelopmentAuthenticator implements Authenticator {
  readonly requestHeaders = [];

  constructor(
    readonly everywhere: boolean,
    readonly clock: Clock,
  ) {}

  authenticate(credentials: Credentials): Principal | null {
    const userId = credentials.header("X-User-Id") ?? credentials.header("login");
    if (userId === undefined || userId === "") return null;
    if (credentials.remote.proxied && !this.everywhere) {
      const text = "X-User-Id is not trusted through a proxy; configure an authentication";
      throw new AppError("AUTHENTICATION_FAILED", text);
    }
    return makePrincipal({
      ...{ userId, name: credentials.header("X-User-Name") },
      issuedMs: this.clock.now(),
    });
  }
}
