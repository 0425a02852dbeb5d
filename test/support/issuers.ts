import { createHmac } from "node:crypto";
import { exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT } from "jose";
import type { PublicKeyAlgorithm } from "../../src/config.ts";

/** An issuer's key pair, made anew. */
export interface Issuer {
  readonly algorithm: PublicKeyAlgorithm;
  readonly pem: string;
  readonly jwk: JWK;
  /** By this issuer's key, whatever the head says. */
  sign(claims: Claims, head?: Head): Promise<string>;
}

type Claims = Readonly<Record<string, unknown>>;
type Head = Readonly<Record<string, unknown>>;

export async function makeIssuer(algorithm: PublicKeyAlgorithm, kid?: string): Promise<Issuer> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const id = kid === undefined ? {} : { kid };
  return {
    algorithm,
    pem: await exportSPKI(publicKey),
    jwk: { ...(await exportJWK(publicKey)), ...id },
    sign: (claims, head = {}) =>
      new SignJWT({ ...claims })
        .setProtectedHeader({ alg: algorithm, ...id, ...head })
        .sign(privateKey),
  };
}

/** By HMAC-SHA256 whatever the head says, as forgers do it. */
export function hmacToken(key: string | Uint8Array, head: Head, claims: Claims): string {
  const signed = `${encoded(head)}.${encoded(claims)}`;
  return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
}

export function unsignedToken(head: Head, claims: Claims, signature = ""): string {
  return `${encoded(head)}.${encoded(claims)}.${signature}`;
}

export function secretToken(
  secret: string | Uint8Array,
  claims: Claims,
  alg = "HS256",
): Promise<string> {
  const key = typeof secret === "string" ? new TextEncoder().encode(secret) : secret;
  return new SignJWT({ ...claims }).setProtectedHeader({ alg }).sign(key);
}

function encoded(part: unknown): string {
  return Buffer.from(JSON.stringify(part)).toString("base64url");
}
