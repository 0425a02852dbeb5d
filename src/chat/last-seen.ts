import type { Clock, Timer } from "../clock.ts";
import type { Journal } from "./journal.ts";
import type { StoredUser } from "./stored-chats.ts";

/** Users who come and go so soon after others are written together. */
const GATHER_MS = 50;

/** Keeps when users were last seen. Nobody waits for it, and each commit costs those who read next. */
export class LastSeen {
  /** Waiting to be written, by user. */
  readonly #unwritten = new Map<string, StoredUser>();
  #writing: Timer | null = null;

  constructor(
    readonly journal: Journal,
    readonly clock: Clock,
  ) {}

  /** Of a user who comes, or has left. The first is written at once, those after it together. */
  keep(userId: string, name: string, lastSeenMs: number): void {
    this.#unwritten.set(userId, { userId, name, lastSeenMs });
    if (this.#writing === null) this.#write();
  }

  forget(userId: string): void {
    this.#unwritten.delete(userId);
  }

  /** All is on its way. */
  stop(): void {
    this.#writing?.cancel();
    this.#write();
    this.#writing?.cancel();
    this.#writing = null;
  }

  #write(): void {
    this.#writing = null;
    if (this.#unwritten.size === 0) return;
    for (const user of this.#unwritten.values()) this.journal.addUser(user);
    this.#unwritten.clear();
    this.journal.flush();
    this.#writing = this.clock.schedule(GATHER_MS, () => this.#write());
  }
}
