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

export interface StoredUser {
  readonly userId: string;
  readonly name: string;
  readonly lastSeenMs: number;
}

export interface MemberKey {
  readonly conversationId: string;
  readonly userId: string;
}
