import type { MaybePromise } from "../maybe-promise.ts";
import type { PlaceBehind, WriteBatch } from "./chat-writes.ts";
import type {
  BacklogHead,
  ConversationHead,
  ConversationOverview,
  MemberDelivery,
  MessageVersion,
  NewestMessage,
  SentMessage,
  StoredConversation,
  StoredMessage,
  StoredUser,
} from "./stored-chats.ts";

/** Where a page of a user's list ends: the list goes on behind this conversation. */
export interface ListPosition {
  /** 0 where it is not pinned. */
  readonly pinnedMs: number;
  readonly activeMs: number;
  readonly id: string;
}

export interface ListQuery {
  readonly userId: string;
  /** Only conversations that the user has archived, or has not. */
  readonly archived: boolean;
  /** null begins at the top. */
  readonly after: ListPosition | null;
  readonly limit: number;
}

/** Some of a user's conversations by their ids, so that however many there are, each look is short. */
export interface ConversationRange {
  /** Behind that one; null begins with the first. */
  readonly after: string | null;
  /** So many are looked at, be they what is asked for or not. */
  readonly limit: number;
}

/** What was found among them. */
export interface FoundHeads<Head extends ConversationHead> {
  /** Ascending by conversation id. */
  readonly heads: readonly Head[];
  /** Where the next range begins; null: there is none. */
  readonly next: string | null;
}

export interface HistoryQuery {
  readonly conversationId: string;
  /** Only messages with a `seq` above this one. */
  readonly afterSeq?: number | undefined;
  /** Only messages with a `seq` below this one. */
  readonly beforeSeq?: number | undefined;
  readonly limit: number;
}

/** Which messages are no longer kept. */
export interface RetentionRule {
  /** Those sent before this time; null: those of any age are kept. */
  readonly beforeMs: number | null;
  /** Those that are not among the last so many of their conversation; null: any number is kept. */
  readonly keepLast: number | null;
}

export interface ExpiryPortion extends RetentionRule {
  /** Where the portion before this one ended; null begins with the first conversation. */
  readonly after: string | null;
  /** At least 1. No more messages are removed, nor more conversations looked at. */
  readonly limit: number;
}

export interface ExpiryProgress {
  readonly removed: number;
  /** Where the next portion goes on, of meaning to the store alone; null: all has been looked at. */
  readonly next: string | null;
}

/**
 * Where chats are kept. Reads see every commit that has been reported done, and may be answered at
 * once (embedded engine) or by a promise (engine across a network). Every read fails with AppError
 * STORAGE_UNAVAILABLE when the engine cannot answer.
 */
export interface ChatStore {
  /**
   * All of the batch or nothing of it. Resolves when it is durable: a power cut after that loses
   * none of it. Rejects with AppError STORAGE_UNAVAILABLE when nothing was written: with
   * CommitConflict when messages of the batch break a constraint. A conversation that exists is left
   * as it is; a watermark never goes back, also not of a member who is added and is there already.
   * Members of unknown conversations are left out. The caller waits for one batch before it commits
   * the next.
   *
   * A store that others write to asks `placeBehind`, within the commit, of those conversations where
   * they have written messages, and what tells of messages, to where the batch's were to stand: who
   * is a member, and what the conversation is, they have not changed, nor deleted messages. Of those
   * that the batch makes it asks too, if these are direct ones, and others have made them with the same
   * members.
   */
  commit(batch: WriteBatch, placeBehind?: PlaceBehind): Promise<void>;

  /**
   * Writes and commits something of no consequence, of the size of a large message. Resolves when it
   * is durable, so that commits are likely to succeed again; rejects with STORAGE_UNAVAILABLE.
   */
  probe(): Promise<void>;

  /**
   * Removes messages that are no longer kept, from the bottom of each conversation up to the first
   * one that is: what is left has no holes. `lastSeq`, watermarks and what SentMessage says of the
   * removed stay for good. Each portion is one short transaction of its own, wholly done or not at
   * all; commits may come between. Rejects with STORAGE_UNAVAILABLE when nothing was removed.
   */
  removeExpired(portion: ExpiryPortion): Promise<ExpiryProgress>;

  conversation(id: string): MaybePromise<StoredConversation | null>;
  messageById(id: string): MaybePromise<StoredMessage | null>;
  /** What the message said before its last edits, up to `MOST_VERSIONS`, the oldest first. */
  versions(messageId: string): MaybePromise<MessageVersion[]>;
  /** How the user has reacted to the message; null: not. */
  reactionOf(messageId: string, userId: string): MaybePromise<string | null>;
  /** Messages of its conversation that answer the message and have a `seq` above; ascending by it. */
  replies(messageId: string, afterSeq: number, limit: number): MaybePromise<StoredMessage[]>;
  /** Messages that disappear and have not yet, the next one first. */
  disappearing(limit: number): MaybePromise<StoredMessage[]>;
  /** The conversation's pinned messages, the one pinned last first. */
  pinned(conversationId: string, limit: number): MaybePromise<StoredMessage[]>;
  /** Also of a message that has been removed. */
  messageByClientId(senderId: string, clientMessageId: string): MaybePromise<SentMessage | null>;

  /**
   * Ascending by `seq`. With `afterSeq`: the first `limit` after it (also when `beforeSeq` bounds
   * them); otherwise the last `limit` before `beforeSeq`, or of all.
   */
  history(query: HistoryQuery): MaybePromise<StoredMessage[]>;

  /** The highest id of a message, perhaps of one that was removed; null where there is none. */
  lastMessageId(): MaybePromise<string | null>;

  /**
   * The user's conversations whose newest message is for the user, and has an id above this one or
   * has been removed.
   */
  conversationsAfter(
    userId: string,
    messageId: string,
    range: ConversationRange,
  ): MaybePromise<FoundHeads<NewestMessage>>;

  /** Those of `backlog`. */
  unreceived(userId: string, range: ConversationRange): MaybePromise<FoundHeads<BacklogHead>>;

  /** The conversations with a committed message of someone else that is above the user's `deliveredSeq`, the one waiting longest first. */
  backlog(userId: string): MaybePromise<BacklogHead[]>;

  /**
   * The last `seq` of the user's conversations that ever had a message, the one with the newest
   * message first.
   */
  conversationHeads(userId: string, limit: number): MaybePromise<ConversationHead[]>;

  /** For each sender other than `exceptSenderId`, the last message with `afterSeq < seq <= uptoSeq`. */
  lastMessagePerSender(
    conversationId: string,
    afterSeq: number,
    uptoSeq: number,
    exceptSenderId: string,
  ): MaybePromise<StoredMessage[]>;

  /**
   * A page of the user's conversations: those that are pinned first, the one pinned last at the top;
   * then the one where something happened last; by id where that is at the same time.
   */
  conversationsOf(query: ListQuery): MaybePromise<ConversationOverview[]>;

  /** One of them; null where the user is no member, and where there is none. */
  conversationOf(userId: string, id: string): MaybePromise<ConversationOverview | null>;

  /** Members of the conversation who have received least, the one with the lowest `deliveredSeq` first. */
  slowest(conversationId: string, limit: number): MaybePromise<MemberDelivery[]>;

  /** Other users who share a conversation with the user, each once, in no particular order. */
  contactsOf(userId: string, limit: number): MaybePromise<string[]>;

  /** Those of the ids that are known, in no particular order. */
  users(userIds: readonly string[]): MaybePromise<StoredUser[]>;
}
