/** Work that waits for the work before it under the same name. */
export class NamedTurns {
  readonly #last = new Map<string, Promise<void>>();

  /** Settles as the work does; one that fails holds up none that follow. */
  async take<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last.set(name, promise);
    try {
      await before;
      return await work();
    } finally {
      if (this.#last.get(name) === promise) this.#last.delete(name);
      resolve();
    }
  }
}
