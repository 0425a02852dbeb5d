import type { MaybePromise } from "../maybe-promise.ts";

/** A message as it is kept. Times are epoch milliseconds; `seq` counts 1, 2, 3 … in its conversation. */
export interface StoredMessage {
  /** UUIDv7, unique. */
  readonly id: string;
  readonly conversationId: string;
  readonly seq: number;
  readonly senderId: string;
  /** The sender's name, as authenticated when the message was sent. */
  readonly senderName: string;
  /** The other member of a direct conversation; null in a group. */
  readonly recipientId: string | null;
  /** Unique for each sender, for good; null if the client gave none. */
  readonly clientMessageId: string | null;
  /** `TEXT` or whatever the client's application uses. */
  readonly type: string;
  readonly content: string;
  readonly replyTo: string | null;
  readonly timestampMs: number;
}

export type ConversationKind = "direct" | "group";

/** How far a member has come. Every `seq` up to the mark counts as received, or read. */
export interface Watermarks {
  readonly deliveredSeq: number;
  readonly readSeq: number;
}

export interface StoredMember extends Watermarks {
  readonly userId: string;
}

export interface StoredConversation {
  readonly id: string;
  readonly kind: ConversationKind;
  /** The highest `seq` committed; 0 without messages. */
  readonly lastSeq: number;
  readonly createdMs: number;
  /** In the order of their joining. */
  readonly members: readonly StoredMember[];
}

/** A conversation as its members' lists show it. */
export interface ConversationOverview extends StoredConversation {
  readonly lastMessage: StoredMessage | null;
}

export interface ConversationHead {
  readonly conversationId: string;
  readonly lastSeq: number;
}

/** A conversation in which a user has not received everything yet. */
export interface BacklogHead extends ConversationHead {
  readonly deliveredSeq: number;
}

export interface StoredUser {
  readonly userId: string;
  readonly name: string;
  readonly lastSeenMs: number;
}

export interface NewConversation {
  readonly id: string;
  readonly kind: ConversationKind;
  readonly createdMs: number;
  readonly memberIds: readonly string[];
}

export interface WatermarkWrite extends StoredMember {
  readonly conversationId: string;
}

/** What one commit writes, in this order of the lists. Conversations precede their messages. */
export interface WriteBatch {
  readonly conversations: readonly NewConversation[];
  readonly messages: readonly StoredMessage[];
  readonly watermarks: readonly WatermarkWrite[];
  readonly users: readonly StoredUser[];
}

export interface HistoryQuery {
  readonly conversationId: string;
  /** Only messages with a `seq` above this one. */
  readonly afterSeq?: number | undefined;
  /** Only messages with a `seq` below this one. */
  readonly beforeSeq?: number | undefined;
  readonly limit: number;
}

/**
 * Where chats are kept. Reads see every commit that has been reported done, and may be answered at
 * once (embedded engine) or by a promise (engine across a network). Every read fails with AppError
 * STORAGE_UNAVAILABLE when the engine cannot answer.
 */
export interface ChatStore {
  /**
   * All of the batch or nothing of it. Resolves when it is durable: a power cut after that loses
   * none of it. Rejects with AppError STORAGE_UNAVAILABLE when nothing was written, also when the
   * batch breaks a constraint: a taken `(conversationId, seq)`, `id` or `(senderId,
   * clientMessageId)`. A conversation that exists is left as it is; a watermark never goes back.
   * The caller waits for one batch before it commits the next.
   */
  commit(batch: WriteBatch): Promise<void>;

  conversation(id: string): MaybePromise<StoredConversation | null>;
  messageById(id: string): MaybePromise<StoredMessage | null>;
  messageByClientId(senderId: string, clientMessageId: string): MaybePromise<StoredMessage | null>;

  /**
   * Ascending by `seq`. With `afterSeq`: the first `limit` after it (also when `beforeSeq` bounds
   * them); otherwise the last `limit` before `beforeSeq`, or of all.
   */
  history(query: HistoryQuery): MaybePromise<StoredMessage[]>;

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

  /** The user's conversations, the one with the newest message first. */
  conversationsOf(userId: string, limit: number): MaybePromise<ConversationOverview[]>;

  /** Those of the ids that are known, in no particular order. */
  users(userIds: readonly string[]): MaybePromise<StoredUser[]>;
}
