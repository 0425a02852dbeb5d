import type { Clock } from "../clock.ts";
import type { NewId } from "../ids.ts";
import type { DeadLetter, NoticeStore } from "./ports.ts";

/** Letters that one commit is about. */
const PORTION = 200;

/** Letters by their ids, or all that there are when it begins. */
export type ChosenLetters = readonly string[] | "all";

export interface DeadLettersOptions {
  readonly store: Pick<NoticeStore, "deadLetters" | "replay" | "forgetLetters">;
  readonly clock: Clock;
  /** By which letters are given their ids. */
  readonly newId: NewId;
  /** Something is due. */
  readonly onReplay: () => void;
}

/** What could not be sent, for who looks after the server. */
export class DeadLetters {
  readonly #options: DeadLettersOptions;

  constructor(options: DeadLettersOptions) {
    this.#options = options;
  }

  /** As of `NoticeStore`. */
  async list(after: string | null, limit: number): Promise<DeadLetter[]> {
    return this.#options.store.deadLetters(after, limit);
  }

  /**
   * They are tried anew, as if nothing had failed. Resolves with how many there were of which the
   * target still is; where it rejects, some may have been replayed.
   */
  async replay(chosen: ChosenLetters): Promise<number> {
    const { store, clock, onReplay } = this.#options;
    let replayed = 0;
    for await (const ids of this.#portions(chosen)) {
      const due = await store.replay(ids, clock.now());
      if (due > 0) onReplay();
      replayed += due;
    }
    return replayed;
  }

  /** They are never tried again. Where it rejects, some may have been forgotten. */
  async forget(chosen: ChosenLetters): Promise<void> {
    for await (const ids of this.#portions(chosen)) await this.#options.store.forgetLetters(ids);
  }

  async *#portions(chosen: ChosenLetters): AsyncGenerator<readonly string[]> {
    if (chosen !== "all") {
      for (let from = 0; from < chosen.length; from += PORTION) {
        yield chosen.slice(from, from + PORTION);
      }
      return;
    }
    // What is replayed may die again meanwhile, as a letter with a higher id.
    const end = this.#options.newId();
    for (let after: string | null = null; ; ) {
      const letters: DeadLetter[] = await this.list(after, PORTION);
      const ids = letters.map(({ id }) => id).filter((id) => id < end);
      if (ids.length > 0) yield ids;
      if (ids.length < PORTION) return;
      after = ids.at(-1) ?? null;
    }
  }
}

/** Forgets what could not be sent before that time. Where it rejects, some may have been forgotten. */
export async function forgetLettersBefore(
  beforeMs: number,
  store: Pick<NoticeStore, "deadLetters" | "forgetLetters">,
): Promise<void> {
  for (;;) {
    // They are in the order of their ids, which is that of their deaths.
    const letters = await store.deadLetters(null, PORTION);
    const ids = letters.flatMap(({ id, diedMs }) => (diedMs < beforeMs ? id : []));
    if (ids.length > 0) await store.forgetLetters(ids);
    if (ids.length < PORTION) return;
  }
}
