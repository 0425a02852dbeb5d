/** Names that somebody wants, each until a while after the last one who did has gone. */
export class LingeringNames {
  /** By how many they are wanted. */
  readonly #wanted = new Map<string, number>();
  /** What nobody wants any more, and until when it stays; the earliest first. */
  readonly #leaving = new Map<string, number>();

  /** All that stay because nobody has forgotten them yet. */
  get leaving(): number {
    return this.#leaving.size;
  }

  /** True if the name was not there. */
  want(name: string): boolean {
    const count = this.#wanted.get(name) ?? 0;
    this.#wanted.set(name, count + 1);
    return count === 0 && !this.#leaving.delete(name);
  }

  /** One who wanted it has gone. Later calls come with later times. */
  leave(name: string, untilMs: number): void {
    const count = this.#wanted.get(name) ?? 0;
    if (count > 1) {
      this.#wanted.set(name, count - 1);
      return;
    }
    this.#wanted.delete(name);
    this.#leaving.set(name, untilMs);
  }

  /** Those that stay no longer. */
  takeDue(nowMs: number): string[] {
    const due: string[] = [];
    for (const [name, untilMs] of this.#leaving) {
      if (untilMs > nowMs) break;
      due.push(name);
      this.#leaving.delete(name);
    }
    return due;
  }
}
