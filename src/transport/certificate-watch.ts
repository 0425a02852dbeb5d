import { type Clock, isoTime, type Timer } from "../clock.ts";
import type { Log } from "../log.ts";
import { type Certificate, type CertificateFiles, readCertificate } from "./certificate.ts";

export interface CertificateWatchOptions {
  readonly files: CertificateFiles;
  /** From one look at the files to the next; 0: there is none after the first. */
  readonly reloadMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

const DAY_MS = 86_400_000;
const EXPIRY_WARNING_MS = 7 * DAY_MS;

/**
 * A certificate that its owner renews in place. The files are read again and again and their contents
 * compared, so that it does not matter how they were replaced: written over, renamed, or by a
 * symbolic link to another folder. Files that cannot be used together, perhaps since only one of them
 * is new so far, are logged once and the certificate before stays.
 */
export class CertificateWatch {
  readonly #options: CertificateWatchOptions;
  #current: Certificate;
  #timer: Timer | null = null;
  /** What was wrong at the last look. */
  #fault: string | null = null;

  /** Throws INVALID_CONFIGURATION unless the files can be used. */
  constructor(options: CertificateWatchOptions) {
    this.#options = options;
    this.#current = readCertificate(options.files);
    this.#tellExpiry();
  }

  get current(): Certificate {
    return this.#current;
  }

  /** `renew` puts a new certificate to use; when it throws, the next look tries it again. */
  start(renew: (certificate: Certificate) => void): void {
    const { clock, reloadMs } = this.#options;
    if (reloadMs === 0) return;
    this.#timer = clock.schedule(reloadMs, () => {
      this.#look(renew);
      this.start(renew);
    });
  }

  /** Idempotent. */
  stop(): void {
    this.#timer?.cancel();
  }

  #look(renew: (certificate: Certificate) => void): void {
    const { files, log } = this.#options;
    try {
      const found = readCertificate(files);
      if (found.cert === this.#current.cert && found.key === this.#current.key) {
        this.#fault = null;
        return;
      }
      renew(found);
      this.#current = found;
      this.#fault = null;
      const expires = isoOrNull(found.expiresMs);
      log.info({ file: files.certFile, expires }, "The certificate was renewed");
      this.#tellExpiry();
    } catch (err) {
      const fault = err instanceof Error ? err.message : String(err);
      if (fault === this.#fault) return;
      this.#fault = fault;
      log.error(
        { err },
        "The certificate's files changed and cannot be used; the former one stays",
      );
    }
  }

  #tellExpiry(): void {
    const { clock, files, log } = this.#options;
    const { expiresMs } = this.#current;
    if (expiresMs - clock.now() > EXPIRY_WARNING_MS) return;
    const text = "The certificate has expired, or soon will";
    log.warn({ file: files.certFile, expires: isoOrNull(expiresMs) }, text);
  }
}

function isoOrNull(epochMs: number): string | null {
  return Number.isNaN(epochMs) ? null : isoTime(epochMs);
}
