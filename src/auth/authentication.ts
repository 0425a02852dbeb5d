import type { MaybePromise } from "../maybe-promise.ts";
import { type Authenticator, authenticateByAny, type Credentials } from "./authenticator.ts";
import type { FailedLogins } from "./failed-logins.ts";
import type { Principal } from "./principal.ts";
import type { Revocations } from "./revocations.ts";

/** Who may come in: the ways to prove who one is, in their order, and what was revoked. */
export class Authentication {
  /** In lower case: what is kept of the request that opens a connection. */
  readonly requestHeaders: readonly string[];

  constructor(
    readonly authenticators: readonly Authenticator[],
    readonly revocations: Revocations,
    readonly failedLogins: FailedLogins,
  ) {
    const wanted = authenticators.flatMap(({ requestHeaders }) => requestHeaders);
    this.requestHeaders = [...new Set(wanted)];
  }

  /**
   * A promise only where an authenticator must wait. Throws AUTHENTICATION_REQUIRED,
   * AUTHENTICATION_FAILED, TOKEN_EXPIRED, TOKEN_REVOKED or RATE_LIMITED, and what an authenticator
   * that asks elsewhere throws.
   */
  authenticate(credentials: Credentials): MaybePromise<Principal> {
    const { remote } = credentials;
    this.failedLogins.assertMayTry(remote);
    const askedMs = this.revocations.clock.now();
    const refused = (fault: unknown): never => {
      this.failedLogins.note(remote, fault);
      throw fault;
    };
    const accepted = (proven: Principal): Principal => {
      const principal = issuedBy(proven, askedMs);
      this.revocations.assertValid(principal);
      return principal;
    };
    try {
      const proven = authenticateByAny(this.authenticators, credentials);
      return proven instanceof Promise ? proven.then(accepted).catch(refused) : accepted(proven);
    } catch (fault) {
      return refused(fault);
    }
  }
}

/**
 * Whatever the issuer's clock says, a proof is no younger than the question; so a revocation that comes
 * while the answer is on its way ends it, and so does any later one.
 */
function issuedBy(principal: Principal, askedMs: number): Principal {
  const { issuedMs } = principal;
  return issuedMs === null || issuedMs <= askedMs ? principal : { ...principal, issuedMs: askedMs };
}
