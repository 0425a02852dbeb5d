import type { Clock } from "../clock.ts";
import { lowestIdAt } from "../ids.ts";
import type { MaybePromise } from "../maybe-promise.ts";
import type { Conversation } from "./conversation.ts";
import type { Conversations } from "./conversations.ts";
import { eachHead, LOOKED_AT_IN_TURN, nextTurn } from "./each-head.ts";
import type { MarksElsewhere } from "./marks-elsewhere.ts";
import type { ChatStore, ConversationRange } from "./ports.ts";
import type { RecentHeads } from "./replay.ts";
import { retried } from "./retried.ts";
import { type SharedDelivery, UNTOLD_MS } from "./shared-delivery.ts";
import type { ConversationHead, NewestMessage } from "./stored-chats.ts";
import type { ToldOthers } from "./told-others.ts";

/** Users whose conversations are looked at side by side, and conversations that are read again. */
const LOOKED_AT_TOGETHER = 4;
const READ_TOGETHER = 8;

export interface MissedNoticesOptions {
  readonly delivery: SharedDelivery;
  readonly store: ChatStore;
  readonly conversations: Conversations;
  readonly clock: Clock;
  readonly marks: MarksElsewhere;
  readonly others: Pick<ToldOthers, "passed">;
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

  /**
   * Others are heard again: these users, who are connected here, are told what was missed. Each of
   * the conversations is read once, however many of its members are here. Of what was received and
   * read, that is what a conversation in memory shows not to have been heard, of messages of any age;
   * of others, which may have been read meanwhile, what has become of the latest messages.
   */
  async recover(userIds: readonly string[]): Promise<void> {
    this.lost();
    const { delivery, conversations, marks, others } = this.#options;
    const sinceMs = delivery.missedSinceMs ?? 0;
    const recovery = ++this.#recoveries;
    const waiting = userIds.values();
    const isOpen = () => !this.#isStopped && recovery === this.#recoveries;
    const reader = {
      get isOpen() {
        return isOpen();
      },
    };
    const cached = new Set(conversations.cached());
    const refreshed = new Once<Conversation>(async (each) => {
      // Others have been read since.
      if (cached.has(each)) await conversations.reload(each);
    });
    // What marks of this node have passed over does not show in a conversation.
    const passed = others.passed();
    const fates = new Once<string>(async (id) => {
      const conversation = await conversations.find(id);
      if (conversation === null) return;
      await refreshed.do(conversation);
      await marks.tellAll(conversation, sinceMs, passed.get(id));
      passed.delete(id);
    });
    const look = async () => {
      for (const userId of waiting) {
        const then = (conversationId: string) => fates.do(conversationId);
        await this.#persist(reader, () => this.#reachAll(userId, sinceMs, reader, then));
      }
    };
    const stale = cached.values();
    const refresh = async () => {
      for (const each of stale) await this.#persist(reader, () => refreshed.do(each));
    };
    await Promise.all([
      ...Array.from({ length: LOOKED_AT_TOGETHER }, look),
      ...Array.from({ length: READ_TOGETHER }, refresh),
    ]);
    for (const [id, moved] of passed) {
      const conversation = await this.#persist(reader, () => conversations.find(id));
      if (conversation != null) await marks.tell(conversation, moved);
    }
    if (isOpen()) delivery.missedSinceMs = null;
  }

  /** The user's conversations in which something may still be untold here. Rejects as the store does. */
  async recent(userId: string, reader: Reader): Promise<RecentHeads> {
    const { store, delivery } = this.#options;
    const afterId = lowestIdAt(delivery.freshMs);
    const heads: ConversationHead[] = [];
    const find = (range: ConversationRange) => store.conversationsAfter(userId, afterId, range);
    await eachHead(reader, find, async ({ conversationId, lastSeq }) => {
      heads.push({ conversationId, lastSeq });
    });
    return { afterId, heads };
  }

  /**
   * Resolves when people here have been told all of them: nothing comes later that was in the store
   * before. A device that has it all reads nothing, and yet would get it once more when somebody writes.
   */
  async settle(heads: RecentHeads["heads"], reader: Reader): Promise<void> {
    for (const [count, { conversationId, lastSeq }] of heads.entries()) {
      if (!reader.isOpen) return;
      if (count % LOOKED_AT_IN_TURN === LOOKED_AT_IN_TURN - 1) await nextTurn();
      await this.#options.delivery.reach(conversationId, lastSeq);
    }
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Tries it until it is done; undefined: the reader is no more. */
  #persist<T>(reader: Reader, work: () => MaybePromise<T>): Promise<T | undefined> {
    return retried(this.#options, () => reader.isOpen, work);
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
}

/** Does something once with each, unless it fails. */
class Once<Item> {
  readonly #done = new Map<Item, Promise<void>>();

  constructor(readonly work: (item: Item) => Promise<void>) {}

  do(item: Item): Promise<void> {
    const done = this.#done.get(item) ?? this.work(item);
    this.#done.set(item, done);
    done.catch(() => this.#done.delete(item));
    return done;
  }
}
