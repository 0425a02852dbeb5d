import type { Clock } from "../clock.ts";
import { forgetLettersBefore } from "./dead-letters.ts";
import type { NoticeStore } from "./ports.ts";

export interface NoticeSweepOptions {
  readonly store: Pick<NoticeStore, "forgetSent" | "deadLetters" | "forgetLetters">;
  /** Dead letters are kept so long; null: until somebody takes them away. */
  readonly keepDeadMs: number | null;
  readonly clock: Pick<Clock, "now" | "monotonicMs">;
}

/** From one sweep to the next. */
const EVERY_MS = 600_000;

/** Forgets what was sent and matters no more, and dead letters that are old. */
export class NoticeSweep {
  readonly #options: NoticeSweepOptions;
  /** By the monotonic clock. */
  #nextMs = 0;

  constructor(options: NoticeSweepOptions) {
    this.#options = options;
  }

  /** Does nothing before its time. Where it rejects, it may have done some of it. */
  async sweep(): Promise<void> {
    const { store, keepDeadMs, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + EVERY_MS;
    await store.forgetSent(clock.now());
    if (keepDeadMs !== null) await forgetLettersBefore(clock.now() - keepDeadMs, store);
  }
}
