/** Writes that wait for their turn, and are committed together. */
interface Group<Write> {
  readonly writes: Write[];
  readonly committed: Promise<void>;
}

/** Small writes of one store: however many callers have some, two commits at most wait. */
export class GroupedWrites<Write> {
  readonly #commit: (take: () => readonly Write[]) => Promise<void>;
  #open: Group<Write> | null = null;

  /** @param commit takes what there is when its turn comes, and resolves when that is durable */
  constructor(commit: (take: () => readonly Write[]) => Promise<void>) {
    this.#commit = commit;
  }

  /** Resolves when it is durable; rejects with STORAGE_UNAVAILABLE when it was not written. */
  add(write: Write): Promise<void> {
    this.#open ??= this.#begin();
    this.#open.writes.push(write);
    return this.#open.committed;
  }

  #begin(): Group<Write> {
    const writes: Write[] = [];
    const take = () => {
      this.#open = null;
      return writes;
    };
    const committed = this.#commit(take);
    return { writes, committed };
  }
}
