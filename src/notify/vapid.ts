import { getVapidHeaders } from "web-push";
import type { Clock } from "../clock.ts";
import { RecentlyUsed } from "../recently-used.ts";

/** By what push services know the installation; the keys are raw, in base64url. */
export interface VapidIdentity {
  readonly publicKey: string;
  readonly privateKey: string;
  /** `mailto:` or `https:`. */
  readonly subject: string;
}

/** Half of what is allowed [RFC 8292 §2], so that no push service whose clock is off minds. */
const LIFETIME_MS = 12 * 3_600_000;
/** With less time left a token is not used any more. */
const LEAST_LEFT_MS = LIFETIME_MS / 2;
/** Push services are few, but users name them. */
const MOST_ORIGINS = 256;

interface Token {
  readonly authorization: string;
  readonly expiresMs: number;
}

/** What proves to push services who sends, signed once in a while for each of them. */
export class VapidTokens {
  readonly #identity: VapidIdentity;
  readonly #clock: Clock;
  readonly #tokens = new RecentlyUsed<Token>({
    ...{ capacity: MOST_ORIGINS, weigh: () => 1, isHeld: () => false },
  });

  constructor(identity: VapidIdentity, clock: Clock) {
    this.#identity = identity;
    this.#clock = clock;
  }

  /** The `authorization` header for the push service at that origin. */
  authorizationFor(origin: string): string {
    const nowMs = this.#clock.now();
    const kept = this.#tokens.get(origin);
    if (kept !== undefined && kept.expiresMs - nowMs >= LEAST_LEFT_MS) return kept.authorization;
    const expiresMs = nowMs + LIFETIME_MS;
    const { subject, publicKey, privateKey } = this.#identity;
    const expiresS = Math.floor(expiresMs / 1_000);
    const headers = getVapidHeaders(origin, subject, publicKey, privateKey, "aes128gcm", expiresS);
    this.#tokens.set(origin, { authorization: headers.Authorization, expiresMs });
    return headers.Authorization;
  }
}
