import { AppError } from "../errors.ts";
import { type MaybePromise, whenReady } from "../maybe-promise.ts";
import type { Principal } from "./principal.ts";
import type { Remote } from "./remote.ts";

/** What names the caller. */
export interface Credentials {
  /**
   * A header of CONNECT, or of an HTTP request: what the client says. By its name in its usual
   * spelling; implementations also look in lower case.
   */
  header(name: string): string | undefined;
  readonly remote: Remote;
}

/**
 * Proves who the caller is. null: these credentials are none of this authenticator's, the next one
 * may know. Throws AUTHENTICATION_FAILED or TOKEN_EXPIRED when they are, and are not accepted.
 */
export interface Authenticator {
  /** Headers, in lower case, that it wants of the HTTP request that opens a connection. */
  readonly requestHeaders: readonly string[];
  authenticate(credentials: Credentials): MaybePromise<Principal | null>;
}

/**
 * The first that recognises the credentials decides; a promise only if one of them must wait. Throws
 * AUTHENTICATION_REQUIRED if none does.
 */
export function authenticateByAny(
  authenticators: readonly Authenticator[],
  credentials: Credentials,
  from = 0,
): MaybePromise<Principal> {
  const authenticator = authenticators[from];
  if (authenticator === undefined) {
    throw new AppError(
      "AUTHENTICATION_REQUIRED",
      "Nobody is named in a way that this server takes, such as an access token",
    );
  }
  return whenReady(
    authenticator.authenticate(credentials),
    (principal) => principal ?? authenticateByAny(authenticators, credentials, from + 1),
  );
}

const LONGEST_USER_ID = 128;
const LONGEST_NAME = 128;

/** Ids stand in destinations and keys: no space, slash, wildcard or control character. */
function isUserId(text: string): boolean {
  return text.length > 0 && text.length <= LONGEST_USER_ID && !/[\s/*\p{Cc}\p{Cs}]/u.test(text);
}

export interface Proof extends Partial<Omit<Principal, "userId" | "name">> {
  readonly userId: string;
  readonly name?: string | undefined;
}

/**
 * Throws AUTHENTICATION_FAILED for an id that cannot be used. An empty name becomes the id; what the
 * proof does not say is unknown.
 */
export function makePrincipal({ userId, name, ...proof }: Proof): Principal {
  if (!isUserId(userId)) {
    const text = `The user id must have 1 to ${LONGEST_USER_ID} characters, without spaces, / or *`;
    throw new AppError("AUTHENTICATION_FAILED", text);
  }
  const shown = name?.trim().slice(0, LONGEST_NAME).toWellFormed();
  return {
    userId,
    name: shown === undefined || shown === "" ? userId : shown,
    roles: proof.roles ?? NO_ROLES,
    issuedMs: proof.issuedMs ?? null,
    expiresMs: proof.expiresMs ?? null,
    tokenId: proof.tokenId ?? null,
    byCookie: proof.byCookie ?? false,
  };
}

const NO_ROLES: readonly string[] = [];
