import type { PresenceStatus } from "./events.ts";

/** A status, and since when it holds. */
export interface Word {
  readonly status: PresenceStatus;
  /** When the user said it, since the epoch; 0: they said nothing, and are simply there. */
  readonly saidMs: number;
}

export const NO_WORD: Word = { status: "ONLINE", saidMs: 0 };

/** Whether the word goes before the other one: all who know both come to the same end. */
export function isLater(word: Word, other: Word): boolean {
  if (word.saidMs !== other.saidMs) return word.saidMs > other.saidMs;
  return word.status > other.status;
}
