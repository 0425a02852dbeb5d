import type { RedisClient } from "./redis-client.ts";

/** Channels of one command: neither Redis nor this node is held up by a great many at once. */
const BATCH = 512;

type Received = (payload: Buffer, channel: Buffer) => void;

/** How one kind of subscriptions is told to Redis. */
interface Commands {
  add(client: RedisClient, names: string[], listener: Received): Promise<void>;
  remove(client: RedisClient, names: string[]): Promise<void>;
}

export const CHANNELS: Commands = {
  add: (client, names, listener) => client.subscribe(names, listener, true),
  remove: (client, names) => client.unsubscribe(names),
};

export const PATTERNS: Commands = {
  add: (client, names, listener) => client.pSubscribe(names, listener, true),
  remove: (client, names) => client.pUnsubscribe(names),
};

export interface RedisSubscriptionsOptions {
  readonly commands: Commands;
  readonly received: Received;
  /** Redis did not take a change on this connection. */
  readonly failed: (client: RedisClient, fault: unknown) => void;
}

/**
 * What this node wants to listen to, and what Redis has been told of it. Changes of one turn go
 * together, one command at a time; a new connection is told everything.
 */
export class RedisSubscriptions {
  readonly #options: RedisSubscriptionsOptions;
  readonly #wanted = new Set<string>();
  /** Wanted, and the connection does not have it; and the other way round. */
  #toAdd = new Set<string>();
  #toRemove = new Set<string>();
  #client: RedisClient | null = null;
  #isBusy = false;

  constructor(options: RedisSubscriptionsOptions) {
    this.#options = options;
  }

  add(name: string): void {
    if (this.#wanted.has(name)) return;
    this.#wanted.add(name);
    if (!this.#toRemove.delete(name)) this.#toAdd.add(name);
    this.#changed();
  }

  remove(name: string): void {
    if (!this.#wanted.delete(name)) return;
    if (!this.#toAdd.delete(name)) this.#toRemove.add(name);
    this.#changed();
  }

  /** Resolves when a new connection has everything that is wanted, or there is another one. */
  async restore(client: RedisClient): Promise<void> {
    this.#client = client;
    this.#isBusy = true;
    this.#toAdd = new Set(this.#wanted);
    this.#toRemove = new Set();
    await this.#tellAll(client);
  }

  /** Until another connection is there, nothing can be told. */
  lost(): void {
    this.#client = null;
  }

  #changed(): void {
    const client = this.#client;
    if (client === null || this.#isBusy) return;
    this.#isBusy = true;
    // What else the turn brings goes with it, or is over before it was told.
    setImmediate(() => {
      this.#tellAll(client).catch((fault: unknown) => this.#options.failed(client, fault));
    });
  }

  async #tellAll(client: RedisClient): Promise<void> {
    const { commands, received } = this.#options;
    while (this.#client === client && this.#toAdd.size + this.#toRemove.size > 0) {
      const [added, removed] = [taken(this.#toAdd), taken(this.#toRemove)];
      if (added.length > 0) await commands.add(client, added, received);
      if (removed.length > 0) await commands.remove(client, removed);
    }
    if (this.#client === client) this.#isBusy = false;
  }
}

/** Takes some out of the set. */
function taken(names: Set<string>): string[] {
  const some: string[] = [];
  for (const name of names) {
    if (some.length === BATCH) break;
    some.push(name);
    names.delete(name);
  }
  return some;
}
