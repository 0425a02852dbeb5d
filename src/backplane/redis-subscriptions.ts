import type { RedisClient } from "./redis-client.ts";
import { batchOf, ToldInBatches } from "./told-in-batches.ts";

/** Channels of one command. */
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

/**
 * Channels of a Cluster's shards: each is a command of its own, since they are in different slots.
 *
 * @param moved another server has the channel now
 */
export function sharded(moved: (name: string) => void): Commands {
  const unlessMoved = async (name: string, change: Promise<void>): Promise<void> => {
    try {
      await change;
    } catch (fault) {
      if (!isMoved(fault)) throw fault;
      moved(name);
    }
  };
  return {
    async add(client, names, listener) {
      const add = (name: string) => {
        // The client must not take it for one that it has, from before its slot went and came back.
        client.getPubSubListeners("SHARDED").delete(name);
        return unlessMoved(name, client.sSubscribe(name, listener, true));
      };
      await Promise.all(names.map(add));
    },
    async remove(client, names) {
      await Promise.all(names.map((name) => unlessMoved(name, client.sUnsubscribe(name))));
    },
  };
}

/** The slot of the command is another server's. */
export function isMoved(fault: unknown): boolean {
  return fault instanceof Error && /^(?:MOVED|ASK|CLUSTERDOWN) /.test(fault.message);
}

export interface RedisSubscriptionsOptions {
  readonly commands: Commands;
  readonly received: Received;
  /** What is published there arrives from now on; perhaps it did before. */
  readonly confirmed: (name: string) => void;
  /** Redis did not take a change on this connection. */
  readonly failed: (client: RedisClient, fault: unknown) => void;
}

/**
 * What this node wants to listen to, and what Redis has been told of it. Changes of one turn go
 * together, one command at a time; a new connection is told everything.
 */
export class RedisSubscriptions {
  readonly #options: RedisSubscriptionsOptions;
  readonly #telling: ToldInBatches<RedisClient>;
  readonly #wanted = new Set<string>();
  /** Wanted, and the connection does not have it; and the other way round. */
  #toAdd = new Set<string>();
  #toRemove = new Set<string>();
  /** Redis has confirmed them on this connection. */
  #confirmed = new Set<string>();

  constructor(options: RedisSubscriptionsOptions) {
    this.#options = options;
    this.#telling = new ToldInBatches({
      hasMore: () => this.#toAdd.size + this.#toRemove.size > 0,
      tell: (client) => this.#tell(client),
      failed: options.failed,
    });
  }

  add(name: string): void {
    if (this.#wanted.has(name)) return;
    this.#wanted.add(name);
    if (!this.#toRemove.delete(name)) this.#toAdd.add(name);
    else if (this.#confirmed.has(name)) this.#options.confirmed(name);
    this.#telling.changed();
  }

  remove(name: string): void {
    if (!this.#wanted.delete(name)) return;
    if (!this.#toAdd.delete(name)) this.#toRemove.add(name);
    this.#telling.changed();
  }

  /** Without telling Redis, which has done it by itself. */
  forget(name: string): void {
    for (const names of [this.#wanted, this.#toAdd, this.#toRemove, this.#confirmed]) {
      names.delete(name);
    }
  }

  /** What is published there arrives. */
  isConfirmed(name: string): boolean {
    return this.#confirmed.has(name);
  }

  /** Resolves when a new connection has everything that is wanted, or there is another one. */
  async restore(client: RedisClient): Promise<void> {
    this.#toAdd = new Set(this.#wanted);
    this.#toRemove = new Set();
    this.#confirmed = new Set();
    await this.#telling.restore(client);
  }

  /** Until another connection is there, nothing can be told. */
  lost(): void {
    this.#telling.lost();
    this.#confirmed = new Set();
  }

  async #tell(client: RedisClient): Promise<void> {
    const { commands, received } = this.#options;
    const [added, removed] = [batchOf(this.#toAdd, BATCH), batchOf(this.#toRemove, BATCH)];
    if (added.length > 0) await commands.add(client, added, received);
    if (!this.#telling.isTold(client)) return;
    for (const name of added) if (this.#wanted.has(name)) this.#confirm(name);
    for (const name of removed) this.#confirmed.delete(name);
    if (removed.length > 0) await commands.remove(client, removed);
  }

  #confirm(name: string): void {
    this.#confirmed.add(name);
    this.#options.confirmed(name);
  }
}
