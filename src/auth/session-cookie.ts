import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import {
  type Authenticator,
  type Credentials,
  makePrincipal,
  type Proof,
} from "./authenticator.ts";
import { cookieValue } from "./cookies.ts";
import type { JwtVerifier } from "./jwt-verifier.ts";
import type { Principal } from "./principal.ts";
import { signedValue } from "./signed-value.ts";
import { readUserDocument } from "./user-document.ts";

export interface JwtCookie {
  readonly name: string;
  readonly verifier: JwtVerifier;
}

export interface SignedCookie {
  readonly name: string;
  /** The one in use, and former ones. */
  readonly secrets: readonly string[];
  readonly requireExpiry: boolean;
}

export interface CookieOptions {
  readonly jwt: JwtCookie | null;
  readonly signed: SignedCookie | null;
  readonly clock: Clock;
}

/**
 * The session cookie of the app, in the HTTP request that opened the connection or in the API request:
 * a JWT, or a signed JSON document, see `readUserDocument`. A bare id is not enough: an app signs its
 * other cookies by the same key, and whatever they hold would be a user's id.
 */
export class CookieAuthenticator implements Authenticator {
  readonly requestHeaders = ["cookie"];
  readonly #options: CookieOptions;

  constructor(options: CookieOptions) {
    this.#options = options;
  }

  async authenticate({ remote }: Credentials): Promise<Principal | null> {
    const { jwt, signed } = this.#options;
    const header = remote.header("cookie");
    const token = jwt === null ? undefined : cookieValue(header, jwt.name);
    if (jwt !== null && token !== undefined) {
      const proof = await jwt.verifier.verify(token);
      return makePrincipal({ ...proof, byCookie: true });
    }
    const text = signed === null ? undefined : cookieValue(header, signed.name);
    if (signed === null || text === undefined) return null;
    return makePrincipal({ ...this.#signedProof(text, signed), byCookie: true });
  }

  #signedProof(text: string, { secrets, requireExpiry }: SignedCookie): Proof {
    const value = signedValue(text, secrets);
    const proof = value === null ? null : readUserDocument(jsonOf(value));
    if (proof === null) throw invalid();
    const expiresMs = proof.expiresMs ?? null;
    if (expiresMs === null && requireExpiry) throw invalid();
    if (expiresMs !== null && expiresMs <= this.#options.clock.now()) {
      throw new AppError("TOKEN_EXPIRED", "The session cookie has expired");
    }
    return proof;
  }
}

/** Express writes objects as `j:{…}`; others may write JSON as it is, or in base64url. */
function jsonOf(value: string): string {
  if (value.startsWith("j:")) return value.slice(2);
  return value.startsWith("{") ? value : Buffer.from(value, "base64url").toString();
}

function invalid(): AppError {
  return new AppError("AUTHENTICATION_FAILED", "The session cookie is not valid");
}
