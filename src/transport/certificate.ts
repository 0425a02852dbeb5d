import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { AppError } from "../errors.ts";

export interface CertificateFiles {
  /** Of settings: `tls` is `tls.cert_file` and `tls.key_file`. */
  readonly group: "tls" | "tcp";
  readonly certFile: string;
  readonly keyFile: string;
}

export interface Certificate {
  /** PEM, with its chain. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
  /** Epoch milliseconds; NaN where the certificate does not say it in a form that is known. */
  readonly expiresMs: number;
  /** It names this host: a name, or an address without brackets. */
  covers(host: string): boolean;
}

/** Throws INVALID_CONFIGURATION, with the setting's name, unless they can be used together. */
export function readCertificate({ group, certFile, keyFile }: CertificateFiles): Certificate {
  const cert = readPem(`${group}.cert_file`, certFile);
  const key = readPem(`${group}.key_file`, keyFile);
  const leaf = parsed(`${group}.cert_file`, certFile, () => new X509Certificate(cert));
  const privateKey = parsed(`${group}.key_file`, keyFile, () => createPrivateKey(key));
  if (!leaf.checkPrivateKey(privateKey)) {
    throw refusal(`${group}.key_file ${keyFile} is not the key of ${group}.cert_file ${certFile}`);
  }
  return {
    ...{ cert, key, expiresMs: Date.parse(leaf.validTo) },
    covers: (host) => (isIP(host) === 0 ? leaf.checkHost(host) : leaf.checkIP(host)) !== undefined,
  };
}

function readPem(setting: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw refusal(`${setting} cannot be read: ${reason}`, cause);
  }
}

function parsed<Parsed>(setting: string, path: string, parse: () => Parsed): Parsed {
  try {
    return parse();
  } catch (cause) {
    throw refusal(`${setting} ${path} holds no usable PEM`, cause);
  }
}

function refusal(text: string, cause?: unknown): AppError {
  return new AppError("INVALID_CONFIGURATION", text, { cause });
}
