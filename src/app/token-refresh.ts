import type { Authentication } from "../auth/authentication.ts";
import type { Principal } from "../auth/principal.ts";
import { AppError } from "../errors.ts";
import type { Session } from "../session/session.ts";

/** After so long the same token may be accepted, where who would know did not answer. */
const RETRY_MS = 1_000;

/**
 * Who the new token of a connection names. Nothing else of the connection counts: a cookie that came
 * with its opening would prove the old again. Rejects with REFRESH_REFUSED when the token is not
 * accepted, or is another user's.
 */
export async function proveAnew(
  session: Session,
  token: string,
  authentication: Authentication,
): Promise<Principal> {
  const credentials = {
    header: (name: string) => (name === "Authorization" ? `Bearer ${token}` : undefined),
    remote: { ...session.connection.remote, header: () => undefined },
  };
  try {
    const principal = await authentication.authenticate(credentials);
    if (principal.userId === session.principal.userId) return principal;
  } catch (fault) {
    // What would end a connection that is being made leaves this one as it is.
    if (!(fault instanceof AppError && fault.traits.fatal)) throw fault;
    const { retryAfterMs = RETRY_MS } = fault.details;
    const details = fault.traits.retryable ? { retryAfterMs } : {};
    throw new AppError("REFRESH_REFUSED", fault.message, { cause: fault, details });
  }
  throw new AppError("REFRESH_REFUSED", "The token is another user's");
}
