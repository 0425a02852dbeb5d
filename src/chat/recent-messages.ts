import { Line, type Linked } from "../line.ts";
import type { StoredMessage } from "./stored-chats.ts";

/** A message in memory. */
export interface RecentMessage<Pending> extends Linked<RecentMessage<Pending>> {
  /** Replaced by one with another `seq` where others have written before it. */
  message: StoredMessage;
  /** The sender and their own id of it. */
  readonly clientKey: string | null;
  /** What waits for its commit; null once that is done. */
  pending: Pending | null;
}

/**
 * The messages on their way to disk and the last ones that arrived there, by id and by the sender's
 * own id, so that few sends and reads ask the store.
 */
export class RecentMessages<Pending = unknown> {
  readonly #byId = new Map<string, RecentMessage<Pending>>();
  readonly #byClientId = new Map<string, RecentMessage<Pending>>();
  readonly #inOrder = new Line<RecentMessage<Pending>>();
  readonly #refused = new WeakSet<StoredMessage>();

  /** @param capacity committed messages kept */
  constructor(readonly capacity: number) {}

  byId(id: string): StoredMessage | undefined {
    return this.#byId.get(id)?.message;
  }

  byClientId(senderId: string, clientMessageId: string): StoredMessage | undefined {
    return this.#byClientId.get(clientKeyOf(senderId, clientMessageId))?.message;
  }

  /** What waits for the commit of a message; null where nothing does. */
  pendingOf(id: string): Pending | null {
    return this.#byId.get(id)?.pending ?? null;
  }

  /** Kept at least until it is committed or refused. */
  add(message: StoredMessage, pending: Pending): RecentMessage<Pending> {
    const { id, senderId, clientMessageId } = message;
    const clientKey = clientMessageId === null ? null : clientKeyOf(senderId, clientMessageId);
    const added: RecentMessage<Pending> = { message, clientKey, pending, older: null, newer: null };
    this.#byId.set(id, added);
    this.#inOrder.append(added);
    if (clientKey !== null) this.#byClientId.set(clientKey, added);
    return added;
  }

  /** Messages are committed in the order of their adding, so none before this one is in use. */
  committed(recent: RecentMessage<Pending>): void {
    recent.pending = null;
    while (this.#byId.size > this.capacity) {
      const { oldest } = this.#inOrder;
      if (oldest === null) return;
      this.#remove(oldest);
      if (oldest === recent) return;
    }
  }

  /** The store did not take it; its `seq` may be another message's now. */
  refused(recent: RecentMessage<Pending>): void {
    recent.pending = null;
    this.#remove(recent);
    this.#refused.add(recent.message);
  }

  /** Of a sender who is to be removed, and of whom nothing is on its way. */
  forgetClientIds(senderId: string): void {
    for (const [key, { message }] of this.#byClientId) {
      if (message.senderId === senderId) this.#byClientId.delete(key);
    }
  }

  wasRefused(message: StoredMessage): boolean {
    return this.#refused.has(message);
  }

  #remove(recent: RecentMessage<Pending>): void {
    const { message, clientKey } = recent;
    if (this.#byId.get(message.id) !== recent) return;
    this.#inOrder.remove(recent);
    this.#byId.delete(message.id);
    // Another's by now, where its sender was removed and somebody new has their id.
    if (clientKey !== null && this.#byClientId.get(clientKey) === recent) {
      this.#byClientId.delete(clientKey);
    }
  }
}

/** User ids hold no space, so the pair is unambiguous. */
function clientKeyOf(senderId: string, clientMessageId: string): string {
  return `${senderId} ${clientMessageId}`;
}
