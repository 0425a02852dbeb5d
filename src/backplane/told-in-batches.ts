export interface ToldInBatchesOptions<Client> {
  /** There is something that the connection has not been told. */
  readonly hasMore: () => boolean;
  /** Tells some of it. What it rejects with is given to `failed`, or to who called `restore`. */
  readonly tell: (client: Client) => Promise<void>;
  /** The server did not take a change on this connection. */
  readonly failed: (client: Client, fault: unknown) => void;
}

/**
 * When a connection is told what this node wants of the server: changes of one turn of the event loop
 * together, one batch at a time, so that neither side is held up by a great many; and all of it when
 * the connection is a new one.
 */
export class ToldInBatches<Client> {
  readonly #options: ToldInBatchesOptions<Client>;
  #client: Client | null = null;
  #isBusy = false;

  constructor(options: ToldInBatchesOptions<Client>) {
    this.#options = options;
  }

  /** It is the connection that is told now, and not one that was lost meanwhile. */
  isTold(client: Client): boolean {
    return this.#client === client;
  }

  /** Resolves when a new connection has been told everything, or there is another one. */
  async restore(client: Client): Promise<void> {
    this.#client = client;
    this.#isBusy = true;
    await this.#tellAll(client);
  }

  /** Until another connection is there, nothing can be told. */
  lost(): void {
    this.#client = null;
  }

  /** There may be more to tell. */
  changed(): void {
    const client = this.#client;
    if (client === null || this.#isBusy) return;
    this.#isBusy = true;
    // What else the turn brings goes with it, or is over before it was told.
    setImmediate(() => {
      this.#tellAll(client).catch((fault: unknown) => this.#options.failed(client, fault));
    });
  }

  async #tellAll(client: Client): Promise<void> {
    const { hasMore, tell } = this.#options;
    while (this.#client === client && hasMore()) await tell(client);
    if (this.#client === client) this.#isBusy = false;
  }
}

/** Takes some out of the set: at most so many. */
export function batchOf(names: Set<string>, most: number): string[] {
  const some: string[] = [];
  for (const name of names) {
    if (some.length === most) break;
    some.push(name);
    names.delete(name);
  }
  return some;
}
