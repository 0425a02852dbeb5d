import type { Commits } from "./sqlite-commits.ts";
import type { StoreName } from "./sqlite-writer.ts";

/** Writes that wait for their turn, and are committed together. */
interface Batch<Write> {
  readonly writes: Write[];
  readonly committed: Promise<void>;
}

/**
 * Small writes of one store: however many callers have some, two commits at most wait among those of
 * other stores.
 */
export class GroupedWrites<Write> {
  readonly #commits: Commits;
  readonly #store: StoreName;
  readonly #holds: (write: Write) => boolean;
  #open: Batch<Write> | null = null;

  /** @param holds whether the database has what is written, be it from before */
  constructor(commits: Commits, store: StoreName, holds: (write: Write) => boolean) {
    this.#commits = commits;
    this.#store = store;
    this.#holds = holds;
  }

  /** Resolves when it is durable; rejects with STORAGE_UNAVAILABLE when it was not written. */
  add(write: Write): Promise<void> {
    this.#open ??= this.#begin();
    this.#open.writes.push(write);
    return this.#open.committed;
  }

  #begin(): Batch<Write> {
    const writes: Write[] = [];
    const take = () => {
      this.#open = null;
      return JSON.stringify(writes);
    };
    // All are there or none, so one tells; the last of them, which no other has undone.
    const isThere = () => writes.slice(-1).every(this.#holds);
    return { writes, committed: this.#commits.commit(this.#store, take, isThere) };
  }
}
