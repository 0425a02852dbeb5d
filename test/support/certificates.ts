import { execFileSync } from "node:child_process";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "node:tls";

export interface PemPair {
  readonly cert: string;
  readonly key: string;
}

/** A certificate for localhost and 127.0.0.1, signed by itself, whose subject is `name`. */
export function newCertificate(name: string, days = 100): PemPair {
  const names = "subjectAltName=DNS:localhost,DNS:*.chat.example,IP:127.0.0.1";
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const args = ["req", "-x509", ...curve, "-days", `${days}`, "-subj", `/CN=${name}`];
  const output = execFileSync("openssl", [...args, "-addext", names, "-keyout", "-", "-out", "-"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const block = (label: string) => {
    const found = new RegExp(`-----BEGIN ${label}-----[^]*?-----END ${label}-----`).exec(output);
    return `${found?.[0]}\n`;
  };
  return { cert: block("CERTIFICATE"), key: block("(?:EC )?PRIVATE KEY") };
}

/** The two files of a certificate, each replaced as a whole. */
export class CertificateFolder {
  readonly certFile: string;
  readonly keyFile: string;

  constructor(folder: string) {
    this.certFile = join(folder, "cert.pem");
    this.keyFile = join(folder, "key.pem");
  }

  put({ cert, key }: PemPair): void {
    replace(this.keyFile, key);
    replace(this.certFile, cert);
  }
}

export function replace(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

export interface Handshake {
  /** The subject of the certificate that the server showed. */
  readonly subject: string;
  readonly protocol: string | null;
}

/** A handshake of its own, with a server whose certificate is not verified. Rejects when refused. */
export function handshake(
  port: number,
  options: { readonly minVersion?: "TLSv1"; readonly maxVersion?: "TLSv1.1" | "TLSv1.2" } = {},
): Promise<Handshake> {
  return new Promise((resolve, reject) => {
    const where = { port, host: "127.0.0.1", rejectUnauthorized: false, ...options };
    const socket = connect(where, () => {
      const subject = [socket.getPeerCertificate().subject.CN].flat().join();
      resolve({ subject, protocol: socket.getProtocol() });
      socket.destroy();
    });
    socket.on("error", reject);
  });
}
