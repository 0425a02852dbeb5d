import { createHash, randomUUID } from "node:crypto";

const REDACTED = "[redacted]";

/**
 * A header of base64url JSON, perhaps with a name before it, or three long parts of base64url. It is
 * looked for from the beginning of a word only, or a long one would be gone over again and again.
 */
const JWT =
  /(?<![\w-])(?:[\w-]{0,64}?\beyJ[\w-]{4,}\.[\w-]*(?:\.[\w-]*)?|[\w-]{16,1024}\.[\w-]{16,8192}\.[\w-]{16,1024})/g;

const CREDENTIALS = /\b(Bearer|Basic)(\s+|%20)[^\s"',;&]+/gi;

/** In query strings. */
const PARAMETER =
  /([?&][\w.-]{0,64}(?:token|secret|passcode|password|key|authorization|jwt|session)=)[^&\s"']+/gi;

/** Lengths are bounded so that no text costs more than its length, many times over. */
const NO_PART = String.raw`\s@"'<>()[\]{},;:\\/=?&|`;
const E_MAIL = new RegExp(
  `[^${NO_PART}]{1,64}(?:@|%40)[^${NO_PART}]{1,255}\\.\\p{L}[\\p{L}\\p{N}-]{1,62}`,
  "gu",
);

/**
 * Takes out of texts what must not be in a log, whatever it is doing there. An e-mail address becomes
 * `[e-mail 1a2b3c4d]`: the same one the same until the process ends, and nothing to look up.
 */
export class Redaction {
  readonly #salt: string;

  /** @param salt unpredictable */
  constructor(salt: string = randomUUID()) {
    this.#salt = salt;
  }

  text(text: string): string {
    return text
      .replace(JWT, REDACTED)
      .replace(CREDENTIALS, `$1$2${REDACTED}`)
      .replace(PARAMETER, `$1${REDACTED}`)
      .replace(E_MAIL, (address) => `[e-mail ${this.#nameOf(address)}]`);
  }

  #nameOf(address: string): string {
    const plain = address.replace("%40", "@").toLowerCase();
    return createHash("sha256").update(this.#salt).update(plain).digest("hex").slice(0, 8);
  }
}
