import { AppError } from "../errors.ts";
import { type MaybePromise, whenReady } from "../maybe-promise.ts";
import { RecentlyUsed } from "../recently-used.ts";
import { Conversation, type NewConversationInput } from "./conversation.ts";
import type { ConversationReloads } from "./conversation-reloads.ts";
import type { ChatStore } from "./ports.ts";
import type { StoredConversation } from "./stored-chats.ts";

/** In memory, a conversation takes as much as so many of its members. */
const OWN_WEIGHT = 3;

/**
 * The conversations in use, loaded from the store when first asked for. Only those without
 * uncommitted changes are let go.
 */
export class Conversations {
  readonly #cache: RecentlyUsed<Conversation>;
  readonly #loading = new Map<string, Promise<Conversation | null>>();

  /** How to read a conversation again that other nodes may have changed; null: there are none. */
  reloads: Pick<ConversationReloads, "reload"> | null = null;

  /** @param capacity members of conversations in memory, where each conversation counts for three more */
  constructor(
    readonly store: ChatStore,
    capacity: number,
  ) {
    this.#cache = new RecentlyUsed({
      capacity,
      weigh: ({ members }) => OWN_WEIGHT + members.size,
      isHeld: ({ uncommitted }) => uncommitted > 0,
    });
  }

  /** How many are in memory. */
  get size(): number {
    return this.#cache.size;
  }

  /** Only what is in memory. */
  peek(id: string): Conversation | undefined {
    return this.#cache.get(id);
  }

  find(id: string): MaybePromise<Conversation | null> {
    const cached = this.#cache.get(id);
    if (cached !== undefined) return cached;
    const underWay = this.#loading.get(id);
    if (underWay !== undefined) return underWay;
    const stored = this.store.conversation(id);
    if (!(stored instanceof Promise)) return this.#loaded(id, stored);
    const loading = stored
      .then((conversation) => this.#loaded(id, conversation))
      .finally(() => this.#loading.delete(id));
    this.#loading.set(id, loading);
    return loading;
  }

  /** Those in memory. */
  cached(): Iterable<Conversation> {
    return this.#cache.values();
  }

  /** Resolves when it is as the store has it, where other nodes may have changed it. */
  async reload(conversation: Conversation): Promise<void> {
    await this.reloads?.reload(conversation);
  }

  /** As `find`, as it is now, also where other nodes have just changed it. */
  findFresh(id: string): MaybePromise<Conversation | null> {
    const cached = this.#cache.get(id);
    if (cached === undefined || this.reloads === null) return this.find(id);
    return this.reload(cached).then(() => cached);
  }

  /** As `find`; another node may just have made the user a member. */
  findAs(userId: string, id: string): MaybePromise<Conversation | null> {
    const cached = this.#cache.get(id);
    return cached?.members.has(userId) === false ? this.findFresh(id) : this.find(id);
  }

  /**
   * The conversation, for one of its members. Throws CONVERSATION_NOT_FOUND alike when there is
   * none and when the user is not a member, so that nobody learns which ids exist.
   */
  findFor(userId: string, id: string): MaybePromise<Conversation> {
    return whenReady(this.findAs(userId, id), (conversation) => {
      if (conversation === null || !conversation.members.has(userId)) {
        throw conversationNotFound(id);
      }
      return conversation;
    });
  }

  /** A conversation that the store does not know yet. `ownerId`: of those users; null: nobody's. */
  open(
    input: NewConversationInput,
    userIds: readonly string[],
    ownerId: string | null,
  ): Conversation {
    const conversation = new Conversation(input, null);
    for (const userId of userIds)
      conversation.join(userId, userId === ownerId ? "owner" : "member");
    this.#cache.set(input.id, conversation);
    return conversation;
  }

  /** The direct conversation of the two, which the store does not know yet. */
  openDirect(id: string, userIds: readonly [string, string], nowMs: number): Conversation {
    const profile = { title: null, picture: null, disappearAfterSeconds: null };
    return this.open({ id, kind: "direct", createdMs: nowMs, ...profile }, userIds, null);
  }

  /** After a failed commit: what was never written is as if it had never been. */
  rollBack(conversation: Conversation): void {
    conversation.lastSeq = conversation.committedSeq;
    conversation.hiddenSeq = 0;
    for (const member of conversation.members.values()) {
      member.deliveredSeq = Math.min(member.deliveredSeq, conversation.committedSeq);
      member.readSeq = Math.min(member.readSeq, conversation.committedSeq);
      const { durableDeliveredSeq } = member;
      member.durableDeliveredSeq = Math.min(durableDeliveredSeq, conversation.committedSeq);
      // The next message may have a seq that was given to one of those before.
      member.joinedSeq = Math.min(member.joinedSeq, conversation.committedSeq);
    }
    if (!conversation.persisted) this.#cache.delete(conversation.id);
  }

  /** Learns from the store how far the conversation has come. */
  refresh(conversation: Conversation): MaybePromise<void> {
    return whenReady(this.store.conversation(conversation.id), (stored) => {
      if (stored !== null) conversation.heardOf(stored.lastSeq);
    });
  }

  #loaded(id: string, stored: StoredConversation | null): Conversation | null {
    const raced = this.#cache.get(id);
    if (raced !== undefined) return raced;
    if (stored === null) return null;
    const conversation = new Conversation(stored, stored);
    this.#cache.set(id, conversation);
    return conversation;
  }
}

export function conversationNotFound(id: string): AppError {
  return new AppError("CONVERSATION_NOT_FOUND", `No conversation ${id} of which you are a member`);
}
