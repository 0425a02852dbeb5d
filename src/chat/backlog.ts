import type { Conversations } from "./conversations.ts";
import type { Journal } from "./journal.ts";
import type { ChatStore, StoredMessage } from "./ports.ts";

/** Messages that a device gets in one read of the store. */
const PAGE_MESSAGES = 100;
/** Live messages held back while a device catches up; past it they are read from the store. */
const HELD_MESSAGES = 1_000;

/** The device that catches up. */
export interface BacklogReader {
  readonly isOpen: boolean;
  /** Hands over one missed message. */
  replay(message: StoredMessage): void;
  /** Room for more: null at once, else a promise that resolves also when the device is gone. */
  ready(): Promise<void> | null;
  /** Live messages that came meanwhile, in order; forgets them. */
  takeHeld(): StoredMessage[];
  /** The message is one of those. */
  holds(messageId: string): boolean;
  readonly heldCount: number;
  /** From now on the device gets live messages itself. */
  goLive(): void;
}

export interface BacklogOptions {
  readonly store: ChatStore;
  readonly conversations: Conversations;
  readonly journal: Journal;
  /** Uncommitted messages are with the recipients already. */
  readonly showsUncommitted: boolean;
}

/**
 * Sends a user's device what the user has not received, each conversation in `seq` order, and joins
 * it to the live messages without a gap or a doubled message: they are held from before the first
 * read, and those beyond what was replayed follow it.
 */
export class Backlog {
  readonly #options: BacklogOptions;

  constructor(options: BacklogOptions) {
    this.#options = options;
  }

  /** The reader's live messages are being held already. */
  async deliver(userId: string, reader: BacklogReader): Promise<void> {
    // What another device, or this user's last connection, has just acknowledged.
    const cursors = this.#options.journal.uncommittedDeliveries(userId);
    // What the user sends from another device meanwhile belongs on this one too, in its place.
    const ownLive = new Set<string>();
    for (;;) {
      // Shown to others before this device listened, and perhaps not in the store yet.
      const early = this.#uncommittedFor(userId);
      await this.#replayStored(userId, reader, cursors, ownLive);
      if (!reader.isOpen) return;
      if (reader.heldCount > HELD_MESSAGES) {
        for (const { id, senderId } of reader.takeHeld()) if (senderId === userId) ownLive.add(id);
        continue;
      }
      this.#replayRest([...early, ...reader.takeHeld()], reader, cursors);
      reader.goLive();
      return;
    }
  }

  async #replayStored(
    userId: string,
    reader: BacklogReader,
    cursors: Map<string, number>,
    ownLive: ReadonlySet<string>,
  ): Promise<void> {
    const { store } = this.#options;
    for (const head of await store.backlog(userId)) {
      const { conversationId } = head;
      let cursor = Math.max(head.deliveredSeq, cursors.get(conversationId) ?? 0);
      for (;;) {
        const query = { conversationId, afterSeq: cursor, limit: PAGE_MESSAGES };
        const page = await store.history(query);
        for (const message of page) {
          const pause = reader.ready();
          if (pause !== null) await pause;
          if (!reader.isOpen) return;
          const isMissing =
            message.senderId !== userId || reader.holds(message.id) || ownLive.has(message.id);
          if (isMissing) reader.replay(message);
          cursor = message.seq;
        }
        cursors.set(conversationId, cursor);
        if (page.length < PAGE_MESSAGES) break;
      }
    }
  }

  #replayRest(
    messages: readonly StoredMessage[],
    reader: BacklogReader,
    cursors: Map<string, number>,
  ): void {
    for (const message of messages) {
      if (message.seq <= (cursors.get(message.conversationId) ?? 0)) continue;
      cursors.set(message.conversationId, message.seq);
      reader.replay(message);
    }
  }

  #uncommittedFor(userId: string): StoredMessage[] {
    const { journal, conversations, showsUncommitted } = this.#options;
    if (!showsUncommitted) return [];
    const found: StoredMessage[] = [];
    for (const message of journal.uncommitted()) {
      if (message.senderId === userId) continue;
      const conversation = conversations.peek(message.conversationId);
      if (conversation?.members.has(userId) === true) found.push(message);
    }
    return found;
  }
}
