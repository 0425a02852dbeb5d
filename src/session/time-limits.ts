import { AppError } from "../errors.ts";

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

  /** CONNECT_TIMEOUT or HEARTBEAT_TIMEOUT; null while all is in time. */
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
    return null;
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
