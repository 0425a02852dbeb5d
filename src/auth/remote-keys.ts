import type { Clock } from "../clock.ts";
import type { PublicKeyAlgorithm } from "../config.ts";
import { AppError } from "../errors.ts";
import type { Log } from "../log.ts";
import { callHttp } from "./http-call.ts";
import { type KeySource, PublicKeys } from "./public-keys.ts";

export interface RemoteKeysOptions {
  readonly url: string;
  /** How long keys are used before they are fetched again. */
  readonly maxAgeMs: number;
  /** How much longer they are used while they cannot be fetched. */
  readonly staleMs: number;
  /** Between two fetches there is at least this, whatever tokens name; less after a failure. */
  readonly cooldownMs: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

const MAX_BYTES = 512 * 1024;
const FIRST_RETRY_MS = 1_000;

/** The JWK set that an issuer publishes: fetched when it is needed, and kept. */
export class RemoteKeys implements KeySource {
  readonly #options: RemoteKeysOptions;
  #keys: PublicKeys | null = null;
  #fetchedMs = 0;
  /** The end of the last fetch, whether or not it succeeded; null: there was none. */
  #triedMs: number | null = null;
  #failures = 0;
  #fetching: Promise<void> | null = null;

  constructor(options: RemoteKeysOptions) {
    this.#options = options;
  }

  /** Fetches ahead of the first token, so that it need not wait and the log says what is wrong. */
  prefetch(): void {
    void this.#refresh();
  }

  async keysFor(algorithm: PublicKeyAlgorithm, kid: string | undefined) {
    const { maxAgeMs } = this.#options;
    if (this.#ageMs() > maxAgeMs) await this.#refresh();
    const found = await this.#find(algorithm, kid);
    if (found.length > 0) return found;
    await this.#refresh(); // The issuer may have a new key.
    const foundNow = await this.#find(algorithm, kid);
    // While the set cannot be had, it cannot be told whether the key is a new one.
    if (foundNow.length === 0 && this.#failures > 0) throw unavailable();
    return foundNow;
  }

  async #find(algorithm: PublicKeyAlgorithm, kid: string | undefined) {
    const { maxAgeMs, staleMs } = this.#options;
    if (this.#keys === null || this.#ageMs() > maxAgeMs + staleMs) return [];
    return await this.#keys.keysFor(algorithm, kid);
  }

  #ageMs(): number {
    if (this.#keys === null) return Number.POSITIVE_INFINITY;
    return this.#options.clock.monotonicMs() - this.#fetchedMs;
  }

  /** Joins the fetch under way; none is started within the cool-down. Never rejects. */
  #refresh(): Promise<void> {
    if (this.#fetching !== null) return this.#fetching;
    if (this.#isCoolingDown()) return Promise.resolve();
    this.#fetching = this.#fetch().finally(() => {
      this.#fetching = null;
    });
    return this.#fetching;
  }

  #isCoolingDown(): boolean {
    if (this.#triedMs === null) return false;
    const { cooldownMs, clock } = this.#options;
    const retryMs = this.#failures === 0 ? cooldownMs : FIRST_RETRY_MS * 2 ** (this.#failures - 1);
    return clock.monotonicMs() - this.#triedMs < Math.min(cooldownMs, retryMs);
  }

  async #fetch(): Promise<void> {
    const { clock, log } = this.#options;
    try {
      const keys = await this.#download();
      if (this.#failures > 0) log.info({}, "The issuer's keys can be fetched again");
      this.#keys = keys;
      this.#failures = 0;
      this.#fetchedMs = clock.monotonicMs();
    } catch (err) {
      this.#failures += 1;
      const consequence = this.#keys === null ? "tokens cannot be verified" : "those known stay";
      log.warn({ err }, `The issuer's keys (jwt.jwks_url) cannot be fetched: ${consequence}`);
    }
    this.#triedMs = clock.monotonicMs();
  }

  async #download(): Promise<PublicKeys> {
    const { url, timeoutMs, clock } = this.#options;
    const headers = { accept: "application/json, application/jwk-set+json" };
    const call = { method: "GET", url, headers, timeoutMs, maxBytes: MAX_BYTES } as const;
    const { status, body } = await callHttp(call, clock);
    if (status !== 200) throw new Error(`the answer has status ${status}`);
    const keys = PublicKeys.ofDocument(JSON.parse(body));
    if (keys === null) throw new Error("the answer is no JWK set");
    return keys;
  }
}

function unavailable(): AppError {
  const text = "The token cannot be verified now; connect again later";
  return new AppError("AUTHENTICATION_UNAVAILABLE", text);
}
