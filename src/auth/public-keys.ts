import { importJWK, type JWK } from "jose";
import { z } from "zod";
import type { PublicKeyAlgorithm } from "../config.ts";

type ImportedKey = Awaited<ReturnType<typeof importJWK>>;

/** Keys that verify signatures. */
export interface KeySource {
  /**
   * Those that may have made a signature; none: this source knows none. Rejects with
   * AUTHENTICATION_UNAVAILABLE when that cannot be told now.
   */
  keysFor(algorithm: PublicKeyAlgorithm, kid: string | undefined): Promise<readonly ImportedKey[]>;
}

const jwkSchema = z.looseObject({
  kty: z.string(),
  kid: z.string().optional(),
  alg: z.string().optional(),
  use: z.string().optional(),
  crv: z.string().optional(),
  n: z.string().optional(),
  x: z.string().optional(),
  y: z.string().optional(),
  e: z.string().optional(),
  key_ops: z.array(z.string()).optional(),
});
const jwkSetSchema = z.object({ keys: z.array(z.unknown()).max(1_000) });

const WEAKEST_RSA_BYTES = 256;

/** [RFC 7518 §3.1, RFC 8037, RFC 9864] */
const KEY_TYPES: Readonly<
  Record<PublicKeyAlgorithm, { readonly kty: string; readonly crv?: string }>
> = {
  RS256: { kty: "RSA" },
  RS384: { kty: "RSA" },
  RS512: { kty: "RSA" },
  PS256: { kty: "RSA" },
  PS384: { kty: "RSA" },
  PS512: { kty: "RSA" },
  ES256: { kty: "EC", crv: "P-256" },
  ES384: { kty: "EC", crv: "P-384" },
  ES512: { kty: "EC", crv: "P-521" },
  EdDSA: { kty: "OKP", crv: "Ed25519" },
  Ed25519: { kty: "OKP", crv: "Ed25519" },
};

/** A set of public keys; each is used only with algorithms of its kind. */
export class PublicKeys implements KeySource {
  readonly #keys: readonly JWK[];
  readonly #imported = new Map<JWK, Map<PublicKeyAlgorithm, Promise<ImportedKey | null>>>();

  private constructor(keys: readonly JWK[]) {
    this.#keys = keys;
  }

  /** What is no public key, is too weak, or is for something else is left out. */
  static of(keys: readonly unknown[]): PublicKeys {
    return new PublicKeys(keys.flatMap((key) => verificationKey(key) ?? []));
  }

  /** A JWK set, or a JWK alone; null: it is neither. */
  static ofDocument(document: unknown): PublicKeys | null {
    const set = jwkSetSchema.safeParse(document);
    if (set.success) return PublicKeys.of(set.data.keys);
    return jwkSchema.safeParse(document).success ? PublicKeys.of([document]) : null;
  }

  get count(): number {
    return this.#keys.length;
  }

  async keysFor(algorithm: PublicKeyAlgorithm, kid: string | undefined): Promise<ImportedKey[]> {
    const candidates = this.#keys.filter((key) => fits(key, algorithm, kid));
    const keys = await Promise.all(candidates.map((key) => this.#import(key, algorithm)));
    return keys.filter((key) => key !== null);
  }

  #import(key: JWK, algorithm: PublicKeyAlgorithm): Promise<ImportedKey | null> {
    const byAlgorithm = this.#imported.get(key) ?? new Map();
    this.#imported.set(key, byAlgorithm);
    // A key that cannot be imported must not make the others useless.
    const imported = byAlgorithm.get(algorithm) ?? importJWK(key, algorithm).catch(() => null);
    byAlgorithm.set(algorithm, imported);
    return imported;
  }
}

/** undefined unless it is one. */
function verificationKey(key: unknown): JWK | undefined {
  const parsed = jwkSchema.safeParse(key);
  if (!parsed.success) return undefined;
  const { kty, kid, alg, use, crv, n, x, y, e, key_ops, ...others } = parsed.data;
  if ("d" in others || "k" in others) return undefined; // Private, or a secret.
  if (use !== undefined && use !== "sig") return undefined;
  if (key_ops !== undefined && !key_ops.includes("verify")) return undefined;
  if (kty === "RSA" && Buffer.from(n ?? "", "base64url").length < WEAKEST_RSA_BYTES)
    return undefined;
  const known = { kty, kid, alg, crv, n, x, y, e };
  return Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined));
}

/** A key without an id may be any; a token without one may be by any key. */
function fits(key: JWK, algorithm: PublicKeyAlgorithm, kid: string | undefined): boolean {
  const { kty, crv } = KEY_TYPES[algorithm];
  if (key.kty !== kty || key.crv !== crv) return false;
  if (key.alg !== undefined && key.alg !== algorithm) return false;
  return kid === undefined || key.kid === undefined || key.kid === kid;
}
