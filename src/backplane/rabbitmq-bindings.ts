import type { StompLink } from "./stomp-link.ts";
import { batchOf, ToldInBatches } from "./told-in-batches.ts";

/** Subscriptions of one step. */
const BATCH = 256;

export interface RabbitMqBindingsOptions {
  /** What the names of queues begin with, in this run of the node. */
  readonly queuePrefix: string;
  /** RabbitMQ did not take a change on this connection. */
  readonly failed: (link: StompLink, fault: unknown) => void;
}

/**
 * What this node wants to listen to in RabbitMQ, and what RabbitMQ has been told of it. All of it goes
 * to one queue, which the connection takes with it: a message comes once, however many of the
 * subscriptions it fits, and in the order of its sender.
 *
 * STOMP cannot take a destination from a queue again. What is no longer wanted stays until the
 * connection is another one: whoever receives has to look.
 */
export class RabbitMqBindings {
  readonly #queuePrefix: string;
  readonly #telling: ToldInBatches<StompLink>;
  /** How often each destination is wanted. */
  readonly #wanted = new Map<string, number>();
  /** On this connection RabbitMQ has confirmed them. */
  #bound = new Set<string>();
  /** Wanted, and RabbitMQ has not been told. */
  #toBind = new Set<string>();
  /** Who wants to hear that it is in effect. */
  readonly #waiting = new Map<string, (() => void)[]>();
  #made = 0;
  #queue = "";
  #queues = 0;

  constructor({ queuePrefix, failed }: RabbitMqBindingsOptions) {
    this.#queuePrefix = queuePrefix;
    const hasMore = () => this.#toBind.size > 0;
    this.#telling = new ToldInBatches({ hasMore, tell: (link) => this.#tell(link), failed });
  }

  /** Destinations that RabbitMQ still sends here though nobody wants them. */
  get stale(): number {
    return Math.max(0, this.#bound.size - this.#wanted.size);
  }

  get wanted(): number {
    return this.#wanted.size;
  }

  /** @param confirmed what is published there arrives from now on */
  add(destination: string, confirmed: () => void): void {
    const count = this.#wanted.get(destination) ?? 0;
    this.#wanted.set(destination, count + 1);
    if (this.#bound.has(destination)) {
      confirmed();
      return;
    }
    const waiting = this.#waiting.get(destination);
    if (waiting === undefined) this.#waiting.set(destination, [confirmed]);
    else waiting.push(confirmed);
    if (count > 0) return;
    this.#toBind.add(destination);
    this.#telling.changed();
  }

  remove(destination: string): void {
    const count = this.#wanted.get(destination) ?? 0;
    if (count > 1) {
      this.#wanted.set(destination, count - 1);
      return;
    }
    this.#wanted.delete(destination);
    this.#toBind.delete(destination);
    this.#waiting.delete(destination);
  }

  /** Resolves when a new connection has everything that is wanted, or there is another one. */
  async restore(link: StompLink): Promise<void> {
    // That of a connection which RabbitMQ has not missed yet is locked.
    this.#queues += 1;
    this.#queue = `${this.#queuePrefix}.${this.#queues}`;
    this.#bound = new Set();
    this.#toBind = new Set(this.#wanted.keys());
    await this.#telling.restore(link);
  }

  /** Until another connection is there, nothing can be told. */
  lost(): void {
    this.#telling.lost();
    this.#bound = new Set();
  }

  async #tell(link: StompLink): Promise<void> {
    const batch = batchOf(this.#toBind, BATCH);
    await this.#subscribe(link, batch);
    if (!this.#telling.isTold(link)) return;
    for (const destination of batch) this.#confirm(destination);
  }

  #confirm(destination: string): void {
    this.#bound.add(destination);
    const waiting = this.#waiting.get(destination) ?? [];
    this.#waiting.delete(destination);
    for (const confirmed of waiting) confirmed();
  }

  /** RabbitMQ does one after the other: the receipt of the last one is that of all. */
  async #subscribe(link: StompLink, destinations: readonly string[]): Promise<void> {
    for (const [index, destination] of destinations.entries()) {
      this.#made += 1;
      const headers = [
        ...["id", String(this.#made), "destination", destination, "ack", "auto"],
        ...["x-queue-name", this.#queue, "durable", "false"],
        ...["exclusive", "true", "auto-delete", "true"],
      ];
      if (index < destinations.length - 1) link.send("SUBSCRIBE", headers);
      else await link.receipted("SUBSCRIBE", headers);
    }
  }
}
