import type { QueueBatch, QueueStore, StoredQueueMessage } from "../broker/queue-store.ts";
import { AppError } from "../errors.ts";

/**
 * Keeps queue messages in this process's memory. It refuses what the SQL engines refuse. A commit
 * is done when its promise is made; nothing survives `close`. Bodies are kept as they are given,
 * not copied: nobody changes one.
 */
export class MemoryQueueStore implements QueueStore {
  /** In the order of their appending: a Map keeps a key where it was first put. */
  readonly #messages = new Map<string, StoredQueueMessage>();
  #closed = false;

  async commit(batch: QueueBatch): Promise<void> {
    this.#expectOpen();
    this.#check(batch);
    for (const id of batch.removed) this.#messages.delete(id);
    for (const message of batch.appended) this.#messages.set(message.id, copyOf(message));
    for (const { id, deliveries } of batch.redelivered) {
      const message = this.#messages.get(id);
      if (message !== undefined) this.#messages.set(id, { ...message, deliveries });
    }
  }

  async probe(): Promise<void> {
    this.#expectOpen();
  }

  messages(): StoredQueueMessage[] {
    this.#expectOpen();
    return [...this.#messages.values()];
  }

  close(): void {
    this.#closed = true;
  }

  #expectOpen(): void {
    if (this.#closed) throw unavailable("the store is closed");
  }

  /** Throws unless the whole batch can be applied. */
  #check({ removed, appended }: QueueBatch): void {
    const free = new Set(removed);
    const taken = new Set<string>();
    for (const { id } of appended) {
      if (taken.has(id)) throw unavailable("a message of the batch is in it twice");
      if (this.#messages.has(id) && !free.has(id)) {
        throw unavailable("a message id of the batch is taken");
      }
      taken.add(id);
    }
  }
}

function unavailable(message: string): AppError {
  return new AppError("STORAGE_UNAVAILABLE", message);
}

function copyOf(message: StoredQueueMessage): StoredQueueMessage {
  return {
    id: message.id,
    queue: message.queue,
    headers: [...message.headers],
    body: message.body,
    expiresMs: message.expiresMs,
    deliveries: message.deliveries,
  };
}
