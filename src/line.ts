/** What can stand in a line: the line sets both. */
export interface Linked<T> {
  older: T | null;
  newer: T | null;
}

/**
 * Items in the order of their coming, from anywhere in which one may go at once; an item is in one line
 * at a time.
 *
 * The order of a Map or a Set would do, but be slow where the oldest goes time and again: the engine
 * keeps the places of what was deleted until it makes the map anew, and passes over them, as many as
 * there are items, on its way to the oldest that is left.
 */
export class Line<T extends Linked<T>> {
  #oldest: T | null = null;
  #newest: T | null = null;

  get oldest(): T | null {
    return this.#oldest;
  }

  get newest(): T | null {
    return this.#newest;
  }

  /** An item that is in no line. */
  append(item: T): void {
    item.older = this.#newest;
    if (this.#newest === null) this.#oldest = item;
    else this.#newest.newer = item;
    this.#newest = item;
  }

  /** An item of this line. */
  remove(item: T): void {
    const { older, newer } = item;
    if (older === null) this.#oldest = newer;
    else older.newer = newer;
    if (newer === null) this.#newest = older;
    else newer.older = older;
    // What is garbage from now on must not hold on to those that stood beside it.
    item.older = null;
    item.newer = null;
  }
}
