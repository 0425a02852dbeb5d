import { AppError } from "../errors.ts";
import type { MaybePromise } from "../maybe-promise.ts";

/**
 * What is kept of a message for good, also when retention has removed the message: enough to answer
 * its sender, who sends it again.
 */
export interface SentMessage {
  /** UUIDv7, unique. */
  readonly id: string;
  readonly conversationId: string;
  /** Counts 1, 2, 3 … in its conversation. */
  readonly seq: number;
  readonly senderId: string;
  /** The other member of a direct conversation; null in a group. */
  readonly recipientId: string | null;
  /** Unique for each sender, for good; null if the client gave none. */
  readonly clientMessageId: string | null;
}

/** A message as it is kept. Times are epoch milliseconds. */
export interface StoredMessage extends SentMessage {
  /** What the sender went by when the message was sent: by their profile, or as authenticated. */
  readonly senderName: string;
  /** `TEXT` or whatever the client's application uses. */
  readonly type: string;
  readonly content: string;
  readonly replyTo: string | null;
  readonly timestampMs: number;
  /** What happened, as JSON, where it is no message of a user's but tells of an event. */
  readonly event: string | null;
  /** When its content was last changed; null: never. */
  readonly editedMs: number | null;
  /** Since when it has no content any more; null: it has. */
  readonly deletedMs: number | null;
  /** Since when it is pinned in its conversation; null: it is not. */
  readonly pinnedMs: number | null;
  /** Who reacted how, as JSON: pairs of emoji and user id, the first first, up to `MOST_REACTIONS`. */
  readonly reactions: string | null;
  /** Messages of its conversation that answer it (`replyTo`) and have not been deleted. */
  readonly replyCount: number;
  /** Members whom it names, as JSON: their ids, each once; null: none. */
  readonly mentions: string | null;
  /** When it will have no content any more; null: it is not known to disappear. */
  readonly expiresMs: number | null;
  /**
   * Of the event of a message's last edit: what it says now, as JSON of `Edited`. Events of edits
   * that others have followed have none.
   */
  readonly edited: string | null;
  /** What is shown of its attachments, as a JSON array of `attachmentView`s; null: it has none. */
  readonly attachments: string | null;
}

export const MOST_REACTIONS = 200;
/** Of a message, those that are kept: the last ones. */
export const MOST_VERSIONS = 50;

export interface Edited {
  /** null: it was deleted since. */
  readonly content: string | null;
  readonly editedMs: number | null;
  /** When the message that was edited disappears; null: it does not. */
  readonly expiresMs: number | null;
  /** Members whom it names now; null: none. */
  readonly mentions: readonly string[] | null;
}

/** What a message said before an edit. */
export interface MessageVersion {
  readonly content: string;
  /** When it was replaced. */
  readonly replacedMs: number;
}

export type ConversationKind = "direct" | "group";

/** What a member may do in a group; in a direct conversation both are plain members. */
export type Role = "owner" | "admin" | "member";

/** How a conversation shows itself to its members, and what it keeps; null where nothing is said. */
export interface ConversationProfile {
  readonly title: string | null;
  /** Of a picture, a URL. */
  readonly picture: string | null;
  /** How long its messages say something; null: for good. */
  readonly disappearAfterSeconds: number | null;
}

/** What a member has arranged for themselves, times in epoch milliseconds. */
export interface Preferences {
  /** No notice is given of messages until then; null: they are given. */
  readonly mutedUntilMs: number | null;
  /** Since when the conversation is out of the way; null: it is not. */
  readonly archivedMs: number | null;
  /** Since when it stands at the top of the list; null: it does not. */
  readonly pinnedMs: number | null;
}

/** How far a member has come. Every `seq` up to the mark counts as received, or read. */
export interface Watermarks {
  readonly deliveredSeq: number;
  readonly readSeq: number;
}

/** How much a member has received. */
export interface MemberDelivery {
  readonly userId: string;
  readonly deliveredSeq: number;
}

export interface StoredMember extends Watermarks {
  readonly userId: string;
  /** Messages up to here were there before the member was, who is not shown them; 0: none was. */
  readonly joinedSeq: number;
  readonly role: Role;
}

export interface StoredConversation extends ConversationProfile {
  readonly id: string;
  readonly kind: ConversationKind;
  /** The highest `seq` committed, also when its message has been removed; 0 before the first one. */
  readonly lastSeq: number;
  readonly createdMs: number;
  /** In the order of their joining. */
  readonly members: readonly StoredMember[];
}

/** A conversation as one member's list shows it. */
export interface ConversationOverview
  extends Omit<StoredConversation, "members">,
    Omit<StoredMember, "userId">,
    Preferences {
  readonly memberCount: number;
  /** Some of them, at most `MEMBERS_IN_OVERVIEW`, ascending. */
  readonly memberIds: readonly string[];
  /**
   * Messages, not events, above `readSeq` and `joinedSeq` and after the member's own last message,
   * that are still kept. Since it is reckoned from them, it is never negative, and 0 when all is read.
   */
  readonly unread: number;
  /** Those of the unread ones that mention the member. */
  readonly unreadMentions: number;
  /** When something last happened: the newest message, be it removed, or else the creation. */
  readonly activeMs: number;
  /**
   * The one with `lastSeq`; null before the first message, when it has been removed, and when the
   * member joined after it.
   */
  readonly lastMessage: StoredMessage | null;
  /**
   * All other members have received, and read, everything up to here; null where there is none, and
   * where the last message is not the member's own.
   */
  readonly othersDeliveredSeq: number | null;
  readonly othersReadSeq: number | null;
}

export const MEMBERS_IN_OVERVIEW = 20;

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

export interface ConversationHead {
  readonly conversationId: string;
  readonly lastSeq: number;
}

/** Of a conversation. */
export interface NewestMessage extends ConversationHead {
  /** null: it has been removed. */
  readonly messageId: string | null;
}

/** A conversation in which a user has not received everything yet. */
export interface BacklogHead extends ConversationHead {
  readonly deliveredSeq: number;
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

export interface StoredUser {
  readonly userId: string;
  readonly name: string;
  readonly lastSeenMs: number;
}

export interface NewConversation extends ConversationProfile {
  readonly id: string;
  readonly kind: ConversationKind;
  readonly createdMs: number;
  /** In the order of their joining; one that is named twice joins once. */
  readonly members: readonly { readonly userId: string; readonly role: Role }[];
}

export interface ProfileWrite extends ConversationProfile {
  readonly conversationId: string;
}

export interface RoleWrite extends MemberKey {
  readonly role: Role;
}

/** A change of a message; of one that is not there, or not any more, it is left out. */
export type MessageWrite = { readonly messageId: string } & (
  | {
      readonly kind: "edit";
      /** Where it is another one, the one before is kept as a version. */
      readonly content: string;
      readonly editedMs: number;
      /** As `StoredMessage.mentions`; undefined: they stay. */
      readonly mentions?: string | null | undefined;
    }
  /**
   * Takes away its content, what it said before, its attachments, its reactions, its mentions and its
   * pin; events of these stay.
   */
  | { readonly kind: "delete"; readonly deletedMs: number }
  /** One of a user's; null takes it away. */
  | {
      readonly kind: "react";
      readonly userId: string;
      readonly emoji: string | null;
      readonly reactedMs: number;
    }
  | { readonly kind: "pin"; readonly pinnedMs: number | null }
);

/** What is not named stays as it is. */
export interface PreferencesWrite extends MemberKey, Partial<Preferences> {}

export interface MemberKey {
  readonly conversationId: string;
  readonly userId: string;
}

export interface WatermarkWrite extends MemberKey, Watermarks {}

export interface NewMember extends MemberKey, StoredMember {}

/** What one commit writes, in this order of the lists. Conversations precede their messages. */
export interface WriteBatch {
  readonly conversations: readonly NewConversation[];
  readonly messages: readonly StoredMessage[];
  readonly watermarks: readonly WatermarkWrite[];
  readonly users: readonly StoredUser[];
  /** They are no members any more, and nothing of them is kept in the conversation but messages. */
  readonly removedMembers: readonly MemberKey[];
  /** They join behind all other members, also those who have just been removed. */
  readonly addedMembers: readonly NewMember[];
  /** Of members; of others they are left out, as are profiles of unknown conversations. */
  readonly roles: readonly RoleWrite[];
  readonly profiles: readonly ProfileWrite[];
  readonly preferences: readonly PreferencesWrite[];
  /** In their order. */
  readonly messageChanges: readonly MessageWrite[];
}

export interface HistoryQuery {
  readonly conversationId: string;
  /** Only messages with a `seq` above this one. */
  readonly afterSeq?: number | undefined;
  /** Only messages with a `seq` below this one. */
  readonly beforeSeq?: number | undefined;
  readonly limit: number;
}

/** A message that a batch must not hold. */
export interface Conflict {
  /** In the batch's list of messages. */
  readonly index: number;
  /** The one that has its `(senderId, clientMessageId)`; null if that is not what is wrong. */
  readonly first: SentMessage | null;
}

/**
 * Nothing of a batch was written, because of these messages alone: their `(conversationId, seq)`,
 * `id` or `(senderId, clientMessageId)` is taken, their conversation is not there, or an attachment
 * of theirs is none that the sender has uploaded and that no message has. Without them the batch may
 * be committed.
 */
export class CommitConflict extends AppError {
  /** @param conflicts at least one; ascending by `index` */
  constructor(
    readonly conflicts: readonly Conflict[],
    cause?: unknown,
  ) {
    super("STORAGE_UNAVAILABLE", "The store has another message in its place; send again", {
      cause,
    });
  }
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
 * Others have written to conversations of a batch since it was made, and its messages can stay in it:
 * given the last `seq` of each by its id, it says what is committed instead, which is the same batch
 * with its messages behind those. What it leaves where it was is refused, as a conflict. It may be
 * asked more than once for one commit.
 */
export type PlaceBehind = (lastSeqs: ReadonlyMap<string, number>) => WriteBatch;

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
   * is a member, and what the conversation is, they have not changed. Of those that the batch makes it
   * asks too, if these are direct ones, and others have made them with the same members.
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
