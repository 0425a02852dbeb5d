import type { Schedule } from "./timers.ts";

const REPEAT_MS = 2_000;
const IDLE_MS = 4_000;

/** Tells the others that the user types: at most once in two seconds, and when it is over. */
export class TypingSignal {
  readonly #tell: (conversationId: string, isTyping: boolean) => void;
  readonly #schedule: Schedule;
  readonly #now: () => number;
  #typing: { conversationId: string; toldAtMs: number; cancelIdle: () => void } | null = null;

  constructor(
    tell: (conversationId: string, isTyping: boolean) => void,
    schedule: Schedule,
    now: () => number,
  ) {
    this.#tell = tell;
    this.#schedule = schedule;
    this.#now = now;
  }

  /** A key was struck. */
  typed(conversationId: string): void {
    if (this.#typing !== null && this.#typing.conversationId !== conversationId) this.stopped();
    const nowMs = this.#now();
    let toldAtMs = this.#typing?.toldAtMs ?? Number.NEGATIVE_INFINITY;
    if (nowMs - toldAtMs >= REPEAT_MS) {
      this.#tell(conversationId, true);
      toldAtMs = nowMs;
    }
    this.#typing?.cancelIdle();
    const cancelIdle = this.#schedule(IDLE_MS, () => this.stopped());
    this.#typing = { conversationId, toldAtMs, cancelIdle };
  }

  /** Sent, left, or silent for a while. */
  stopped(): void {
    if (this.#typing === null) return;
    const { conversationId, cancelIdle } = this.#typing;
    cancelIdle();
    this.#typing = null;
    this.#tell(conversationId, false);
  }
}
