import { AppError } from "../errors.ts";
import type { MaybePromise } from "../maybe-promise.ts";
import type { Principal } from "./principal.ts";

/** What names the caller: headers of CONNECT, or of an HTTP request. */
export interface Credentials {
  /** By the header's name in its usual spelling; implementations also look in lower case. */
  header(name: string): string | undefined;
  /** The request came through a proxy. */
  readonly proxied: boolean;
}

/**
 * Proves who the caller is. null: these credentials are none of this authenticator's, the next one
 * may know. Throws AUTHENTICATION_FAILED or TOKEN_EXPIRED when they are, and are not accepted.
 */
export interface Authenticator {
  authenticate(credentials: Credentials): MaybePromise<Principal | null>;
}

/** The first that recognises the credentials decides. Throws AUTHENTICATION_REQUIRED if none does. */
export async function authenticateByAny(
  authenticators: readonly Authenticator[],
  credentials: Credentials,
): Promise<Principal> {
  for (const authenticator of authenticators) {
    const principal = await authenticator.authenticate(credentials);
    if (principal !== null) return principal;
  }
  throw new AppError("AUTHENTICATION_REQUIRED", "Nobody is named; see authentication");
}

const LONGEST_USER_ID = 128;
const LONGEST_NAME = 128;

/** Ids stand in destinations and keys: no space, slash, wildcard or control character. */
function isUserId(text: string): boolean {
  return text.length > 0 && text.length <= LONGEST_USER_ID && !/[\s/*\p{Cc}\p{Cs}]/u.test(text);
}

/** Throws AUTHENTICATION_FAILED for an id that cannot be used. An empty name becomes the id. */
export function makePrincipal(
  userId: string,
  name: string | undefined,
  expiresMs: number | null,
): Principal {
  if (!isUserId(userId)) {
    const text = `The user id must have 1 to ${LONGEST_USER_ID} characters, without spaces, / or *`;
    throw new AppError("AUTHENTICATION_FAILED", text);
  }
  const shown = name?.trim().slice(0, LONGEST_NAME).toWellFormed();
  return { userId, name: shown === undefined || shown === "" ? userId : shown, expiresMs };
}
