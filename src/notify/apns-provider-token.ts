import type { KeyObject } from "node:crypto";
import { SignJWT } from "jose";
import type { Clock } from "../clock.ts";
import { KeyFile } from "./key-file.ts";

const MINUTE_MS = 60_000;
/** APNs takes tokens for an hour. */
const RENEW_MS = 40 * MINUTE_MS;
/** APNs wants no new one sooner. */
const SHORTEST_MS = 20 * MINUTE_MS;

/** The key in a .p8 file. Throws INVALID_CONFIGURATION for one that is no such file. */
export function readApnsKey(path: string): KeyObject {
  const file = new KeyFile("apns.key_file", path);
  const key = file.privateKey(file.text);
  const { asymmetricKeyType, asymmetricKeyDetails } = key;
  if (asymmetricKeyType !== "ec" || asymmetricKeyDetails?.namedCurve !== "prime256v1") {
    throw file.refused("holds a key that is none of the curve P-256, as those of APNs are");
  }
  return key;
}

export interface ApnsKey {
  readonly key: KeyObject;
  readonly keyId: string;
  readonly teamId: string;
}

export interface ProviderToken {
  readonly issuedMs: number;
  readonly text: Promise<string>;
}

/** Makes the tokens by which Parley proves to APNs whose key it has, as seldom as APNs wants it. */
export class ApnsProviderTokens {
  readonly #key: ApnsKey;
  readonly #clock: Clock;
  #token: ProviderToken | null = null;
  /** When a token was replaced that APNs had refused; by the monotonic clock. */
  #replacedMs = Number.NEGATIVE_INFINITY;

  constructor(key: ApnsKey, clock: Clock) {
    this.#key = key;
    this.#clock = clock;
  }

  current(): ProviderToken {
    // By the wall clock, as APNs sees it; set back, it may make a token one of the future.
    const nowMs = this.#clock.now();
    if (this.#token === null || Math.abs(nowMs - this.#token.issuedMs) >= RENEW_MS) {
      this.#token = { issuedMs: nowMs, text: this.#sign(nowMs) };
    }
    return this.#token;
  }

  /** For one that APNs refuses; null: another was made for that reason not long ago. */
  inPlaceOf(refused: ProviderToken): ProviderToken | null {
    if (this.#token === refused) {
      const nowMs = this.#clock.monotonicMs();
      if (nowMs - this.#replacedMs < SHORTEST_MS) return null;
      this.#replacedMs = nowMs;
      this.#token = null;
    }
    return this.current();
  }

  #sign(nowMs: number): Promise<string> {
    const { key, keyId, teamId } = this.#key;
    return new SignJWT()
      .setProtectedHeader({ alg: "ES256", kid: keyId })
      .setIssuer(teamId)
      .setIssuedAt(Math.floor(nowMs / 1000))
      .sign(key);
  }
}
