import { createHash, timingSafeEqual } from "node:crypto";
import { AppError } from "../errors.ts";

/** The keys by which the app's own back end speaks to the server API; they stand for no user. */
export class ApiKeys {
  readonly #digests: readonly Buffer[];

  constructor(keys: readonly string[]) {
    this.#digests = keys.map(digest);
  }

  /**
   * Takes a key from `X-Api-Key`, else from `Authorization: Bearer`. Throws AUTHENTICATION_REQUIRED
   * without one, AUTHENTICATION_FAILED when it is not one of them.
   */
  assertKnown(header: (name: string) => string | undefined): void {
    const key = header("X-Api-Key") ?? bearerOf(header);
    if (key === undefined || key === "") {
      throw new AppError("AUTHENTICATION_REQUIRED", "This route is for API keys (api.keys)");
    }
    if (!this.#isKnown(digest(key))) {
      throw new AppError("AUTHENTICATION_FAILED", "The API key is not one of api.keys");
    }
  }

  /** A key is shown: by `X-Api-Key`, be it a wrong one, or as a bearer token that is one. */
  isGiven(header: (name: string) => string | undefined): boolean {
    if (this.#digests.length === 0) return false;
    if (header("X-Api-Key") !== undefined) return true;
    const bearer = bearerOf(header);
    return bearer !== undefined && this.#isKnown(digest(bearer));
  }

  /** Compares with each key, whichever fits, so that time tells nothing. */
  #isKnown(given: Buffer): boolean {
    let isKnown = false;
    for (const known of this.#digests) isKnown = timingSafeEqual(known, given) || isKnown;
    return isKnown;
  }
}

function bearerOf(header: (name: string) => string | undefined): string | undefined {
  return /^Bearer +(\S+)$/i.exec(header("Authorization") ?? "")?.[1];
}

/** Of one length, whatever the key's. */
function digest(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}
