/**
 * A set that mostly has one member, which it keeps in a field: of sets by the thousand, all that
 * each of them takes counts.
 */
export class Few<T extends object> {
  #sole: T | null = null;
  #many: Set<T> | null = null;

  get size(): number {
    return this.#many === null ? Number(this.#sole !== null) : this.#many.size;
  }

  /** The one that came first of those that are there; null without any. */
  get first(): T | null {
    return this.#many === null ? this.#sole : (this.#many.values().next().value ?? null);
  }

  has(member: T): boolean {
    return this.#many === null ? this.#sole === member : this.#many.has(member);
  }

  add(member: T): void {
    if (this.#many !== null) {
      this.#many.add(member);
    } else if (this.#sole === null || this.#sole === member) {
      this.#sole = member;
    } else {
      this.#many = new Set([this.#sole, member]);
      this.#sole = null;
    }
  }

  /** False if it was not there. */
  delete(member: T): boolean {
    if (this.#many !== null) return this.#many.delete(member);
    if (this.#sole !== member) return false;
    this.#sole = null;
    return true;
  }

  /** In the order of their coming. */
  [Symbol.iterator](): Iterator<T> {
    const members = this.#many ?? (this.#sole === null ? [] : [this.#sole]);
    return members[Symbol.iterator]();
  }
}
