import type { Clock } from "../clock.ts";
import { lowestIdAt } from "../ids.ts";
import type { Conversation, Conversations } from "./conversations.ts";
import { eachHead } from "./each-head.ts";
import type { ChatStore, ConversationRange, NewestMessage, StoredMessage } from "./ports.ts";
import { type SharedDelivery, UNTOLD_MS } from "./shared-delivery.ts";

/** Users whose conversations are looked at side by side. */
const LOOKED_AT_TOGETHER = 4;
/** When the store cannot be read. */
const RETRY_MS = 1_000;
/** Of a user's own messages, those that are looked at in a conversation. */
const OWN = 100;

export interface MissedNoticesOptions {
  readonly delivery: SharedDelivery;
  readonly store: ChatStore;
  readonly conversations: Conversations;
  readonly clock: Clock;
  /** The sender, who is here, is to be told again what has become of the message. */
  readonly onFate: (message: StoredMessage, conversation: Conversation) => void;
  readonly onFault: (fault: unknown) => void;
}

interface Reader {
  readonly isOpen: boolean;
}

/** What other nodes have told while this one did not hear them, read from the store. */
export class MissedNotices {
  readonly #options: MissedNoticesOptions;
  #recoveries = 0;
  #isStopped = false;

  constructor(options: MissedNoticesOptions) {
    this.#options = options;
  }

  /** What others say may have been missed from now on, until `recover`. */
  lost(): void {
    const { delivery, clock } = this.#options;
    // Of what was accepted before, the commit may come after.
    const sinceMs = clock.now() - UNTOLD_MS;
    delivery.missedSinceMs = Math.min(delivery.missedSinceMs ?? sinceMs, sinceMs);
  }

  /** Others are heard again: these users, who are connected here, are told what was missed. */
  async recover(userIds: readonly string[]): Promise<void> {
    this.lost();
    const { delivery } = this.#options;
    const sinceMs = delivery.missedSinceMs ?? 0;
    const recovery = ++this.#recoveries;
    const waiting = userIds.values();
    const isOpen = () => !this.#isStopped && recovery === this.#recoveries;
    const reader = {
      get isOpen() {
        return isOpen();
      },
    };
    const look = async () => {
      for (const userId of waiting) await this.#tell(userId, sinceMs, reader);
    };
    await Promise.all(Array.from({ length: LOOKED_AT_TOGETHER }, look));
    if (isOpen()) delivery.missedSinceMs = null;
  }

  /**
   * Resolves when people here have been told all that may still be untold of the user's
   * conversations: nothing comes later that was in the store before. A device that has it all reads
   * nothing, and yet would get it once more when somebody writes. Rejects when the store cannot be
   * read.
   */
  async settle(userId: string, reader: Reader): Promise<void> {
    await this.#reachAll(userId, this.#options.delivery.freshMs, reader, async () => {});
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #tell(userId: string, sinceMs: number, reader: Reader): Promise<void> {
    const { clock, onFault } = this.#options;
    while (reader.isOpen) {
      try {
        await this.#reachAll(userId, sinceMs, reader, (conversationId) =>
          this.#tellFate(userId, conversationId, sinceMs),
        );
        return;
      } catch (fault) {
        onFault(fault);
        await new Promise<void>((resolve) => clock.schedule(RETRY_MS, resolve));
      }
    }
  }

  /** @param then with each of the user's conversations where something has been said since */
  async #reachAll(
    userId: string,
    sinceMs: number,
    reader: Reader,
    then: (conversationId: string) => Promise<void>,
  ): Promise<void> {
    const { store, delivery } = this.#options;
    const sinceId = lowestIdAt(sinceMs);
    const find = (range: ConversationRange) => store.conversationsAfter(userId, sinceId, range);
    await eachHead(reader, find, async ({ conversationId, lastSeq }: NewestMessage) => {
      await delivery.reach(conversationId, lastSeq);
      await then(conversationId);
    });
  }

  /** What has become of the user's own messages: others' marks may have been missed as well. */
  async #tellFate(userId: string, conversationId: string, sinceMs: number): Promise<void> {
    const { store, conversations, onFate } = this.#options;
    const page = await store.history({ conversationId, limit: OWN });
    const isOwn = ({ senderId, event, timestampMs }: StoredMessage) =>
      senderId === userId && event === null && timestampMs >= sinceMs;
    const own = page.filter(isOwn);
    if (own.length === 0) return;
    const conversation = await conversations.findFresh(conversationId);
    if (conversation === null) return;
    for (const message of own) {
      if (conversation.isFor(userId, message.seq)) onFate(message, conversation);
    }
  }
}
