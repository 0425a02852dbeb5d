import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { MaybePromise } from "../maybe-promise.ts";
import type { Principal } from "./principal.ts";

/** Proofs that no longer hold, although they have not expired. Times are epoch milliseconds. */
export interface Revocation {
  readonly kind: "user" | "token";
  /** The user's id; of a token, its id (`jti`). */
  readonly subject: string;
  /** Of a user: what was issued up to then is revoked. */
  readonly revokedMs: number;
  /** From then on the token is not accepted anyway; null: it never does, or that is not known. */
  readonly forgetMs: number | null;
}

/** Where revocations are kept. */
export interface RevocationStore {
  /**
   * One of the same kind and subject is replaced; those to be forgotten by `revokedMs` go. Resolves
   * when it is durable; rejects with AppError STORAGE_UNAVAILABLE when nothing was written.
   */
  add(revocation: Revocation): Promise<void>;
  all(): MaybePromise<Revocation[]>;
}

const SMALLEST_SWEEP = 1_024;

/** What was revoked, in memory as well, so that a look costs no wait. */
export class Revocations {
  readonly #users = new Map<string, number>();
  readonly #tokens = new Map<string, number | null>();
  readonly #listeners: ((revocation: Revocation) => void)[] = [];
  #sweepAtSize = SMALLEST_SWEEP;

  constructor(
    readonly store: RevocationStore,
    readonly clock: Clock,
    kept: readonly Revocation[],
    /** So long after its end a token is still accepted, and its revocation still needed. */
    readonly leewayMs: number,
  ) {
    for (const revocation of kept) this.#remember(revocation);
  }

  /** Hears of those of this node, when they are durable. */
  onKept(listener: (revocation: Revocation) => void): void {
    this.#listeners.push(listener);
  }

  /** Others have kept these; those of them that are news here. They hold from the call on. */
  learn(kept: readonly Revocation[]): Revocation[] {
    const news = kept.filter((revocation) => !this.#isKnown(revocation));
    for (const revocation of news) this.#remember(revocation);
    return news;
  }

  /** Throws TOKEN_REVOKED. */
  assertValid(principal: Principal): void {
    if (this.isRevoked(principal)) throw tokenRevoked();
  }

  /** A proof that does not say when it was issued counts as old. */
  isRevoked({ userId, issuedMs, tokenId }: Principal): boolean {
    if (tokenId !== null && this.#tokens.has(tokenId)) return true;
    const revokedMs = this.#users.get(userId);
    return revokedMs !== undefined && (issuedMs ?? 0) <= revokedMs;
  }

  /**
   * All that was issued for the user so far. Holds from the call on; resolves when it holds over a
   * restart too. Rejects with STORAGE_UNAVAILABLE; then it holds until the restart.
   */
  revokeUser(userId: string): Promise<void> {
    return this.#revoke({ kind: "user", subject: userId, forgetMs: null });
  }

  /** As `revokeUser`. @param expiresMs when the token ends by itself, if that is known */
  revokeToken(tokenId: string, expiresMs: number | null): Promise<void> {
    const forgetMs = expiresMs === null ? null : expiresMs + this.leewayMs;
    return this.#revoke({ kind: "token", subject: tokenId, forgetMs });
  }

  async #revoke(about: Omit<Revocation, "revokedMs">): Promise<void> {
    const revocation = { ...about, revokedMs: this.clock.now() };
    this.#remember(revocation);
    await this.store.add(revocation);
    for (const listener of this.#listeners) listener(revocation);
  }

  #isKnown({ kind, subject, revokedMs }: Revocation): boolean {
    if (kind === "token") return this.#tokens.has(subject);
    return (this.#users.get(subject) ?? Number.NEGATIVE_INFINITY) >= revokedMs;
  }

  #remember({ kind, subject, revokedMs, forgetMs }: Revocation): void {
    if (kind === "user") {
      this.#users.set(subject, Math.max(revokedMs, this.#users.get(subject) ?? 0));
      return;
    }
    this.#tokens.set(subject, forgetMs);
    if (this.#tokens.size >= this.#sweepAtSize) this.#sweep();
  }

  #sweep(): void {
    const nowMs = this.clock.now();
    for (const [tokenId, forgetMs] of this.#tokens) {
      if (forgetMs !== null && forgetMs <= nowMs) this.#tokens.delete(tokenId);
    }
    this.#sweepAtSize = Math.max(SMALLEST_SWEEP, 2 * this.#tokens.size);
  }
}

export function tokenRevoked(): AppError {
  return new AppError("TOKEN_REVOKED", "The token has been revoked");
}
