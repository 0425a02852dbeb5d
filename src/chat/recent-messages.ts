import type { StoredMessage } from "./ports.ts";

/**
 * The messages on their way to disk and the last ones that arrived there, by id and by the sender's
 * own id, so that few sends and reads ask the store.
 */
export class RecentMessages {
  readonly #byId = new Map<string, StoredMessage>();
  readonly #byClientId = new Map<string, StoredMessage>();
  readonly #refused = new WeakSet<StoredMessage>();

  /** @param capacity committed messages kept */
  constructor(readonly capacity: number) {}

  byId(id: string): StoredMessage | undefined {
    return this.#byId.get(id);
  }

  byClientId(senderId: string, clientMessageId: string): StoredMessage | undefined {
    return this.#byClientId.get(clientKey(senderId, clientMessageId));
  }

  /** Kept at least until it is committed or refused. */
  add(message: StoredMessage): void {
    this.#byId.set(message.id, message);
    if (message.clientMessageId !== null) {
      this.#byClientId.set(clientKey(message.senderId, message.clientMessageId), message);
    }
  }

  /** Messages are committed in the order of their adding, so none before this one is in use. */
  committed(message: StoredMessage): void {
    for (const oldest of this.#byId.values()) {
      if (this.#byId.size <= this.capacity) return;
      this.#remove(oldest);
      if (oldest === message) return;
    }
  }

  /** The store did not take it; its `seq` may be another message's now. */
  refused(message: StoredMessage): void {
    this.#remove(message);
    this.#refused.add(message);
  }

  wasRefused(message: StoredMessage): boolean {
    return this.#refused.has(message);
  }

  #remove(message: StoredMessage): void {
    this.#byId.delete(message.id);
    if (message.clientMessageId !== null) {
      this.#byClientId.delete(clientKey(message.senderId, message.clientMessageId));
    }
  }
}

/** User ids hold no space, so the pair is unambiguous. */
function clientKey(senderId: string, clientMessageId: string): string {
  return `${senderId} ${clientMessageId}`;
}
