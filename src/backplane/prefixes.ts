/** Prefixes of which it is asked whether a text begins with one: a look-up for each of their lengths. */
export class Prefixes {
  readonly #all = new Set<string>();
  #lengths: readonly number[] = [];

  get size(): number {
    return this.#all.size;
  }

  has(prefix: string): boolean {
    return this.#all.has(prefix);
  }

  add(prefix: string): void {
    this.#all.add(prefix);
    this.#measure();
  }

  delete(prefix: string): void {
    this.#all.delete(prefix);
    this.#measure();
  }

  /** The text begins with one of them. */
  cover(text: string): boolean {
    return this.#lengths.some((length) => this.#all.has(text.slice(0, length)));
  }

  #measure(): void {
    this.#lengths = [...new Set([...this.#all].map(({ length }) => length))];
  }
}
