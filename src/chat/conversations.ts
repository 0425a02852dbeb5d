import { AppError } from "../errors.ts";
import { type MaybePromise, whenReady } from "../maybe-promise.ts";
import type { ChatStore, ConversationKind, StoredConversation } from "./ports.ts";

/** How far a member has come; runs ahead of the store by what is not committed yet. */
export interface Member {
  readonly userId: string;
  deliveredSeq: number;
  readSeq: number;
  /** Of what was received, what is on disk too: others are told of no more. */
  durableDeliveredSeq: number;
}

/** A conversation in use: the one place that hands out its `seq`. */
export class Conversation {
  readonly members = new Map<string, Member>();
  /** The highest `seq` given; above `committedSeq` while messages are on their way to disk. */
  lastSeq: number;
  committedSeq: number;
  /** The last one that members are shown only when it is committed. */
  hiddenSeq = 0;
  /** The store knows it. */
  persisted: boolean;

  constructor(
    readonly id: string,
    readonly kind: ConversationKind,
    readonly createdMs: number,
    stored: StoredConversation | null,
  ) {
    this.lastSeq = stored?.lastSeq ?? 0;
    this.committedSeq = this.lastSeq;
    this.persisted = stored !== null;
    for (const member of stored?.members ?? []) {
      this.members.set(member.userId, { ...member, durableDeliveredSeq: member.deliveredSeq });
    }
  }

  /** Some messages have not been shown to members yet. */
  get isHiding(): boolean {
    return this.hiddenSeq > this.committedSeq;
  }

  /** The other one of a direct conversation; null in a group. */
  peerOf(userId: string): string | null {
    if (this.kind !== "direct") return null;
    for (const id of this.members.keys()) if (id !== userId) return id;
    return null;
  }

  /** The store has messages that it was not thought to have: `seq` counts on from the last of them. */
  catchUp({ lastSeq }: StoredConversation): void {
    this.committedSeq = Math.max(this.committedSeq, lastSeq);
    this.lastSeq = Math.max(this.lastSeq, lastSeq);
  }

  /** Every member but `userId` has received everything up to `seq`, and the disk knows. */
  isDeliveredToAllBut(userId: string, seq: number): boolean {
    for (const member of this.members.values()) {
      if (member.userId !== userId && member.durableDeliveredSeq < seq) return false;
    }
    return true;
  }

  isReadByAllBut(userId: string, seq: number): boolean {
    for (const member of this.members.values()) {
      if (member.userId !== userId && member.readSeq < seq) return false;
    }
    return true;
  }
}

/**
 * The conversations in use, loaded from the store when first asked for. Only those without
 * uncommitted changes are let go.
 */
export class Conversations {
  readonly #cache = new Map<string, Conversation>();
  readonly #loading = new Map<string, Promise<Conversation | null>>();

  constructor(
    readonly store: ChatStore,
    readonly capacity: number,
    /** The conversation has changes that are not committed. */
    readonly isDirty: (conversation: Conversation) => boolean,
  ) {}

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

  /**
   * The conversation, for one of its members. Throws CONVERSATION_NOT_FOUND alike when there is
   * none and when the user is not a member, so that nobody learns which ids exist.
   */
  findFor(userId: string, id: string): MaybePromise<Conversation> {
    return whenReady(this.find(id), (conversation) => {
      if (conversation === null || !conversation.members.has(userId)) {
        throw conversationNotFound(id);
      }
      return conversation;
    });
  }

  /** A direct conversation that the store does not know yet. */
  openDirect(id: string, userIds: readonly [string, string], nowMs: number): Conversation {
    const conversation = new Conversation(id, "direct", nowMs, null);
    for (const userId of userIds) {
      const member = { userId, deliveredSeq: 0, readSeq: 0, durableDeliveredSeq: 0 };
      conversation.members.set(userId, member);
    }
    this.#remember(conversation);
    return conversation;
  }

  /** After a failed commit: what was never written is as if it had never been. */
  rollBack(conversation: Conversation): void {
    conversation.lastSeq = conversation.committedSeq;
    conversation.hiddenSeq = 0;
    for (const member of conversation.members.values()) {
      member.deliveredSeq = Math.min(member.deliveredSeq, conversation.committedSeq);
      member.readSeq = Math.min(member.readSeq, conversation.committedSeq);
    }
    if (!conversation.persisted) this.#cache.delete(conversation.id);
  }

  /** Learns from the store how far the conversation has come. */
  refresh(conversation: Conversation): MaybePromise<void> {
    return whenReady(this.store.conversation(conversation.id), (stored) => {
      if (stored !== null) conversation.catchUp(stored);
    });
  }

  #loaded(id: string, stored: StoredConversation | null): Conversation | null {
    const raced = this.#cache.get(id);
    if (raced !== undefined) return raced;
    if (stored === null) return null;
    const conversation = new Conversation(id, stored.kind, stored.createdMs, stored);
    this.#remember(conversation);
    return conversation;
  }

  #remember(conversation: Conversation): void {
    this.#cache.set(conversation.id, conversation);
    if (this.#cache.size <= this.capacity) return;
    let looks = 8; // Bounded: with everything dirty the cache grows rather than stalls.
    for (const candidate of this.#cache.values()) {
      if (candidate !== conversation && !this.isDirty(candidate)) {
        this.#cache.delete(candidate.id);
        return;
      }
      looks -= 1;
      if (looks === 0) return;
    }
  }
}

export function conversationNotFound(id: string): AppError {
  return new AppError("CONVERSATION_NOT_FOUND", `No conversation ${id} of which you are a member`);
}
