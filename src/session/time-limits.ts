import type { Principal } from "../auth/principal.ts";
import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import { Expiry } from "./expiry.ts";

export interface TimeLimitSettings {
  /** From the opening to CONNECT. */
  readonly connectMs: number;
  /** How long the peer may leave the send buffer standing. */
  readonly blockedMs: number;
}

/**
 * What a connection must do in time. Looked at now and then; nothing here has a timer of its own. All
 * times are the clock's monotonic ones.
 */
export class TimeLimits {
  #lastReceivedMs: number;
  #blockedSinceMs: number | null = null;
  #receiveEveryMs = 0;
  /** Made when it is needed: most proofs of who a client is do not end. */
  #expiry: Expiry | null = null;

  constructor(
    readonly settings: TimeLimitSettings,
    readonly openedMs: number,
  ) {
    this.#lastReceivedMs = openedMs;
  }

  /** The client promised heart-beats; 0 is none. */
  expectEvery(receiveEveryMs: number): void {
    this.#receiveEveryMs = receiveEveryMs;
  }

  received(nowMs: number): void {
    this.#lastReceivedMs = nowMs;
  }

  /** Who the client is has just been proven, perhaps anew. */
  proven(
    principal: Principal,
    { clock, expiryWarningMs }: { readonly clock: Clock; readonly expiryWarningMs: number },
  ): void {
    if (principal.expiresMs !== null) this.#expiry ??= new Expiry(clock, expiryWarningMs);
    this.#expiry?.begin(principal);
  }

  /** TOKEN_EXPIRING when the client is to be told that its proof ends; until `warned`. */
  warning(nowMs: number): AppError | null {
    return this.#expiry?.warning(nowMs) ?? null;
  }

  warned(): void {
    this.#expiry?.warned();
  }

  /** CONNECT_TIMEOUT, HEARTBEAT_TIMEOUT or TOKEN_EXPIRED; null while all is in time. */
  exceeded(nowMs: number, isConnected: boolean): AppError | null {
    const { connectMs } = this.settings;
    if (!isConnected && nowMs - this.openedMs >= connectMs) {
      return new AppError("CONNECT_TIMEOUT", `No CONNECT within ${connectMs} ms`);
    }
    const silentMs = nowMs - this.#lastReceivedMs;
    // Twice the interval: the margin that [STOMP 1.2 §Heart-beating] asks for.
    if (this.#receiveEveryMs > 0 && silentMs > 2 * this.#receiveEveryMs) {
      const text = `Nothing came for ${Math.round(silentMs)} ms; agreed were ${this.#receiveEveryMs} ms`;
      return new AppError("HEARTBEAT_TIMEOUT", text);
    }
    return this.#expiry?.exceeded(nowMs) ?? null;
  }

  /** The peer has taken something. */
  progressed(): void {
    this.#blockedSinceMs = null;
  }

  /** At the last look the peer had left something in the buffer, and it has taken nothing since. */
  get isBlocked(): boolean {
    return this.#blockedSinceMs !== null;
  }

  /** The buffer has stood for too long. Whatever the peer takes starts the time anew. */
  isBlockedTooLong(nowMs: number, bufferedBytes: number): boolean {
    if (bufferedBytes === 0) {
      this.#blockedSinceMs = null;
      return false;
    }
    this.#blockedSinceMs ??= nowMs;
    return nowMs - this.#blockedSinceMs >= this.settings.blockedMs;
  }
}
