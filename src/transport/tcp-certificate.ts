import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { AppError } from "../errors.ts";

export interface Certificate {
  /** PEM, with its chain. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
}

/** Throws INVALID_CONFIGURATION, with the setting's name, unless they can be used together. */
export function readCertificate(certFile: string, keyFile: string): Certificate {
  const cert = readPem("tcp.cert_file", certFile);
  const key = readPem("tcp.key_file", keyFile);
  const certificate = parsed("tcp.cert_file", certFile, () => new X509Certificate(cert));
  const privateKey = parsed("tcp.key_file", keyFile, () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(privateKey)) {
    throw refusal(`tcp.key_file ${keyFile} is not the key of tcp.cert_file ${certFile}`);
  }
  return { cert, key };
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
