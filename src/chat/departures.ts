import type { Clock, Timer } from "../clock.ts";

/** Who is told to have gone in one turn, before others have theirs. */
const MOST_TOGETHER = 1_000;

interface Departure<What> {
  readonly what: What;
  readonly dueMs: number;
}

/** Users who have gone, unless they are back within the delay; in the order of their going. */
export class Departures<What> {
  readonly #waiting = new Map<string, Departure<What>>();
  #timer: Timer | null = null;

  constructor(
    readonly clock: Clock,
    readonly delayMs: number,
    readonly onDue: (userId: string, what: What) => void,
  ) {}

  get size(): number {
    return this.#waiting.size;
  }

  get(userId: string): What | null {
    return this.#waiting.get(userId)?.what ?? null;
  }

  userIds(): Iterable<string> {
    return this.#waiting.keys();
  }

  /** For a user who is not waited for. */
  add(userId: string, what: What): void {
    this.#waiting.set(userId, { what, dueMs: this.clock.monotonicMs() + this.delayMs });
    this.#timer ??= this.clock.schedule(this.delayMs, this.#conclude);
  }

  /** They are not waited for any more. */
  take(userId: string): What | null {
    const what = this.get(userId);
    this.#waiting.delete(userId);
    return what;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#waiting.clear();
  }

  readonly #conclude = (): void => {
    this.#timer = null;
    const nowMs = this.clock.monotonicMs();
    let room = MOST_TOGETHER;
    for (const [userId, { what, dueMs }] of this.#waiting) {
      if (room === 0 || dueMs > nowMs) {
        this.#timer = this.clock.schedule(Math.max(0, dueMs - nowMs), this.#conclude);
        return;
      }
      room -= 1;
      this.#waiting.delete(userId);
      this.onDue(userId, what);
    }
  };
}
