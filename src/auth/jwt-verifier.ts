import {
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  type JWTVerifyOptions,
  jwtVerify,
} from "jose";
import type { Clock } from "../clock.ts";
import { isSecretAlgorithm, type JwtAlgorithm } from "../config.ts";
import { AppError } from "../errors.ts";
import type { Proof } from "./authenticator.ts";
import { type ClaimNames, proofOf } from "./claims.ts";
import type { KeySource } from "./public-keys.ts";

export interface JwtVerifierOptions {
  /** Named, so that no token chooses another, or none. */
  readonly algorithms: readonly JwtAlgorithm[];
  /** For HS256, HS384 and HS512, and for nothing else. */
  readonly secret: Uint8Array | null;
  /** For the other algorithms, in the order in which they are asked. */
  readonly publicKeys: readonly KeySource[];
  readonly leewayMs: number;
  readonly audience?: string | undefined;
  readonly issuer?: string | undefined;
  readonly requireExpiry: boolean;
  readonly claims: ClaimNames;
  readonly clock: Clock;
}

type VerificationKey = Awaited<ReturnType<KeySource["keysFor"]>>[number];

const LONGEST_TOKEN = 16 * 1024;

/**
 * Verifies tokens by keys of the configuration alone: what a token's head says of keys (`jwk`, `jku`,
 * `x5c`, `x5u`) counts for nothing, and its `kid` only selects among them.
 */
export class JwtVerifier {
  readonly #options: JwtVerifierOptions;

  constructor(options: JwtVerifierOptions) {
    this.#options = options;
  }

  /**
   * What the token proves. Rejects with AUTHENTICATION_FAILED, TOKEN_EXPIRED, or
   * AUTHENTICATION_UNAVAILABLE when the keys cannot be had now.
   */
  async verify(token: string): Promise<Proof> {
    const { algorithm, kid } = this.#head(token);
    const options = this.#verifyOptions(algorithm);
    for await (const key of this.#keys(algorithm, kid)) {
      try {
        return this.#proof((await jwtVerify(token, key, options)).payload);
      } catch (fault) {
        if (!(fault instanceof errors.JWSSignatureVerificationFailed)) throw refusal(fault);
      }
    }
    throw invalid();
  }

  /** A token that is accepted after its end, because clocks may differ, is good for that difference. */
  #proof(payload: JWTPayload): Proof {
    const { claims, clock, leewayMs } = this.#options;
    const proof = proofOf(payload, claims);
    const { expiresMs = null } = proof;
    const isOver = expiresMs !== null && expiresMs <= clock.now();
    return isOver ? { ...proof, expiresMs: expiresMs + leewayMs } : proof;
  }

  #head(token: string): { algorithm: JwtAlgorithm; kid: string | undefined } {
    if (token.length > LONGEST_TOKEN) throw invalid();
    let head: ReturnType<typeof decodeProtectedHeader>;
    try {
      head = decodeProtectedHeader(token);
    } catch {
      throw invalid();
    }
    const { alg, kid } = head;
    const algorithm = this.#options.algorithms.find((known) => known === alg);
    if (algorithm === undefined) throw invalid();
    if (kid !== undefined && typeof kid !== "string") throw invalid();
    return { algorithm, kid };
  }

  async *#keys(algorithm: JwtAlgorithm, kid: string | undefined): AsyncIterable<VerificationKey> {
    const { secret, publicKeys } = this.#options;
    if (isSecretAlgorithm(algorithm)) {
      if (secret !== null) yield secret;
      return;
    }
    for (const source of publicKeys) yield* await source.keysFor(algorithm, kid);
  }

  #verifyOptions(algorithm: JwtAlgorithm): JWTVerifyOptions {
    const { leewayMs, audience, issuer, requireExpiry, clock } = this.#options;
    return {
      algorithms: [algorithm],
      clockTolerance: leewayMs / 1000,
      currentDate: new Date(clock.now()),
      ...(audience === undefined ? {} : { audience }),
      ...(issuer === undefined ? {} : { issuer }),
      ...(requireExpiry ? { requiredClaims: ["exp"] } : {}),
    };
  }
}

/** Without the cause: jose's errors carry the claims. */
function refusal(fault: unknown): AppError {
  if (fault instanceof AppError) return fault;
  if (fault instanceof errors.JWTExpired) {
    return new AppError("TOKEN_EXPIRED", "The token has expired");
  }
  if (fault instanceof errors.JWTClaimValidationFailed) {
    return new AppError("AUTHENTICATION_FAILED", `The token's ${fault.claim} is not accepted`);
  }
  return invalid();
}

function invalid(): AppError {
  return new AppError("AUTHENTICATION_FAILED", "The token is not valid");
}
