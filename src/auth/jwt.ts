import { AppError } from "../errors.ts";
import { type Authenticator, type Credentials, makePrincipal } from "./authenticator.ts";
import { looksLikeJwt, tokenOf } from "./bearer.ts";
import type { JwtVerifier } from "./jwt-verifier.ts";
import type { Principal } from "./principal.ts";

export interface JwtOptions {
  readonly verifier: JwtVerifier;
  /** Another authenticator knows tokens that are no JWTs; without one they are refused here. */
  readonly leavesOpaqueTokens: boolean;
}

/** A JWT in `Authorization: Bearer …` or in CONNECT's `passcode`. */
export class JwtAuthenticator implements Authenticator {
  readonly requestHeaders = [];
  readonly #options: JwtOptions;

  constructor(options: JwtOptions) {
    this.#options = options;
  }

  async authenticate(credentials: Credentials): Promise<Principal | null> {
    const { verifier, leavesOpaqueTokens } = this.#options;
    const token = tokenOf(credentials);
    if (token === null) return null;
    if (!looksLikeJwt(token)) {
      if (leavesOpaqueTokens) return null;
      throw new AppError("AUTHENTICATION_FAILED", "The token is not valid");
    }
    return makePrincipal(await verifier.verify(token));
  }
}
