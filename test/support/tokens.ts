import { SignJWT } from "jose";

/** What the servers of tests sign tokens with. */
export const JWT_SECRET = "a secret of the tests, long enough for HS256";

/** An API key of the servers of tests. */
export const API_KEY = "an-api-key-of-the-tests-0123456789abcdef";

export interface TokenClaims {
  readonly sub: string;
  /** Seconds. */
  readonly iat?: number | null;
  readonly exp?: number;
  readonly jti?: string;
  readonly roles?: readonly string[];
}

/** A token as an app issues it, now and for ten minutes, unless it says otherwise; null leaves out. */
export function tokenOf(claims: TokenClaims, secret = JWT_SECRET): Promise<string> {
  const now = Math.floor(Date.now() / 1_000);
  const all = Object.entries({ iat: now, exp: now + 600, ...claims });
  return new SignJWT(Object.fromEntries(all.filter(([, value]) => value !== null)))
    .setProtectedHeader({ alg: "HS256" })
    .sign(new TextEncoder().encode(secret));
}
