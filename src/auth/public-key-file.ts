import { createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { AppError } from "../errors.ts";
import { PublicKeys } from "./public-keys.ts";

const PEM_BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g;

/**
 * The keys in a file: PEM, with any number of public keys and certificates, a JWK or a JWK set.
 * Throws INVALID_CONFIGURATION for a file that holds none, or a private one.
 */
export function readPublicKeys(path: string): PublicKeys {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw refused(
      path,
      `cannot be read (${cause instanceof Error ? cause.message : "unknown fault"})`,
    );
  }
  const keys = text.includes("-----BEGIN ") ? ofPem(path, text) : ofJson(path, text);
  if (keys.count === 0) {
    throw refused(path, "holds no public key for signatures; RSA keys need 2048 bits");
  }
  return keys;
}

function ofPem(path: string, text: string): PublicKeys {
  const blocks = [...text.matchAll(PEM_BLOCK)];
  if (blocks.some(([, label = ""]) => label.endsWith("PRIVATE KEY"))) {
    throw refused(
      path,
      "holds a private key, which belongs to the issuer alone: give the public one",
    );
  }
  try {
    return PublicKeys.of(blocks.map(([block]) => createPublicKey(block).export({ format: "jwk" })));
  } catch {
    throw refused(path, "holds something that is no public key in PEM");
  }
}

function ofJson(path: string, text: string): PublicKeys {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw refused(path, "is neither PEM nor JSON");
  }
  if (/"(?:d|k)"\s*:/.test(text)) {
    throw refused(path, "holds a private key or a secret: give public keys");
  }
  const keys = PublicKeys.ofDocument(document);
  if (keys === null) throw refused(path, "is no JWK and no JWK set");
  return keys;
}

function refused(path: string, what: string): AppError {
  return new AppError("INVALID_CONFIGURATION", `jwt.public_key_file: ${path} ${what}.`);
}
