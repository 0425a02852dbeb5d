import { SignJWT } from "jose";
import { z } from "zod";
import type { Clock } from "../clock.ts";
import type { ServiceAccount } from "./service-account.ts";
import { callVendor, parsedOrNull, VendorFault } from "./vendor-call.ts";

const GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"; // [RFC 7523 §2.1]
/** The longest time that Google lets an assertion hold. */
const ASSERTION_SECONDS = 3_600;
const TIMEOUT_MS = 10_000;
/** A token is not used to its last moment: a request takes time, and clocks differ. */
const MARGIN_MS = 60_000;

const grantSchema = z.object({
  access_token: z.string().regex(/^[\x21-\x7e]+$/),
  expires_in: z.number().positive(),
});
const refusalSchema = z.object({ error: z.string().regex(/^[a-z_]{1,64}$/) });

interface Grant {
  readonly token: string;
  /** By the monotonic clock. */
  readonly untilMs: number;
}

/** The access token of a service account: got when it is needed, and kept. */
export class GoogleAccessToken {
  readonly #account: ServiceAccount;
  readonly #scope: string;
  readonly #clock: Clock;
  readonly #stopping = new AbortController();
  #grant: Grant | null = null;
  /** Many who need a token at once get one. */
  #asking: Promise<Grant> | null = null;

  constructor(account: ServiceAccount, scope: string, clock: Clock) {
    this.#account = account;
    this.#scope = scope;
    this.#clock = clock;
  }

  /** Rejects with VendorFault. */
  async current(): Promise<string> {
    if (this.#grant === null || this.#clock.monotonicMs() >= this.#grant.untilMs) {
      this.#asking ??= this.#ask().finally(() => {
        this.#asking = null;
      });
      this.#grant = await this.#asking;
    }
    return this.#grant.token;
  }

  /** This one has been refused. */
  discard(token: string): void {
    if (this.#grant?.token === token) this.#grant = null;
  }

  stop(): void {
    this.#stopping.abort(new VendorFault("Parley stops"));
  }

  async #ask(): Promise<Grant> {
    const tooLate = new AbortController();
    const timer = this.#clock.schedule(TIMEOUT_MS, () => {
      tooLate.abort(new VendorFault("no access token in time"));
    });
    const signal = AbortSignal.any([tooLate.signal, this.#stopping.signal]);
    try {
      const askedMs = this.#clock.monotonicMs();
      const body = new URLSearchParams({
        grant_type: GRANT_TYPE,
        assertion: await this.#assertion(),
      });
      const headers = { "content-type": "application/x-www-form-urlencoded" };
      const { tokenUri } = this.#account;
      const request = { headers, body: body.toString() };
      const answer = await callVendor(tokenUri, request, { clock: this.#clock, signal });
      const granted = grantSchema.safeParse(parsedOrNull(answer.body));
      if (answer.status !== 200 || !granted.success) {
        const refusal = refusalSchema.safeParse(parsedOrNull(answer.body)).data?.error ?? "";
        const reason = `no access token: ${answer.status} ${refusal}`.trim();
        throw new VendorFault(reason, answer.afterMs);
      }
      const { access_token: token, expires_in } = granted.data;
      const heldMs = expires_in * 1000;
      return { token, untilMs: askedMs + Math.max(heldMs - MARGIN_MS, heldMs / 2) };
    } finally {
      timer.cancel();
    }
  }

  /** [RFC 7523 §3] */
  #assertion(): Promise<string> {
    const { clientEmail, privateKey, privateKeyId, tokenUri } = this.#account;
    const issuedAt = Math.floor(this.#clock.now() / 1000);
    return new SignJWT({ scope: this.#scope })
      .setProtectedHeader({
        ...{ alg: "RS256", typ: "JWT" },
        ...(privateKeyId !== null && { kid: privateKeyId }),
      })
      .setIssuer(clientEmail)
      .setAudience(tokenUri)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + ASSERTION_SECONDS)
      .sign(privateKey);
  }
}
