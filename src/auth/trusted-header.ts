import type { AddressList } from "../address-list.ts";
import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import { type Authenticator, type Credentials, makePrincipal } from "./authenticator.ts";
import type { Principal } from "./principal.ts";

export interface TrustedHeaderOptions {
  readonly proxies: AddressList;
  /** The names of the proxy's headers. */
  readonly userId: string;
  readonly name?: string | undefined;
  readonly roles?: string | undefined;
  readonly clock: Clock;
}

/**
 * A header of the HTTP request, by which an authenticating proxy says who sends it. It counts for
 * nothing from elsewhere, and a header of CONNECT, which is the client's, never. The proxy knows its
 * users by what browsers send by themselves, so its word is treated as a cookie.
 */
export class TrustedHeaderAuthenticator implements Authenticator {
  readonly requestHeaders: readonly string[];
  readonly #options: TrustedHeaderOptions;

  constructor(options: TrustedHeaderOptions) {
    this.#options = options;
    const wanted = [options.userId, options.name, options.roles];
    this.requestHeaders = wanted.flatMap((header) => header?.toLowerCase() ?? []);
  }

  authenticate({ remote }: Credentials): Principal | null {
    const { proxies, clock, userId: idHeader } = this.#options;
    const userId = remote.header(idHeader);
    if (userId === undefined || userId === "") return null;
    if (!proxies.has(remote.peerAddress)) {
      const text = `${idHeader} is trusted from configured proxies only (trusted_header.proxies)`;
      throw new AppError("AUTHENTICATION_FAILED", text);
    }
    const { name, roles } = this.#options;
    const listed = roles === undefined ? undefined : remote.header(roles);
    return makePrincipal({
      ...{ userId, name: name === undefined ? undefined : remote.header(name) },
      roles: (listed ?? "").split(/[\s,]+/).filter((role) => role !== ""),
      ...{ issuedMs: clock.now(), byCookie: true },
    });
  }
}
