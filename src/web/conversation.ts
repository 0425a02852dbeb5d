import type {
  ChatEvent,
  ConversationKind,
  DeliveryStatus,
  Preferences,
  Reaction,
  Role,
  WireMessage,
} from "./wire.ts";
import type { Attachment } from "./wire-files.ts";

/** SENDING: not yet confirmed to be on disk. FAILED: refused for good, unless tried again by hand. */
export type MessageStatus = "SENDING" | "FAILED" | DeliveryStatus;

export interface Message {
  /** Stays the same from the writing of a message to its last receipt, and over reloads. */
  readonly key: string;
  readonly id: string | null;
  readonly clientMessageId: string | null;
  /** null: the server has not numbered it; it stands at the end. */
  readonly seq: number | null;
  readonly senderId: string;
  readonly senderName: string;
  readonly content: string;
  /** The id of the message that it answers. */
  readonly replyTo: string | null;
  /** What happened, where nobody says anything. */
  readonly event: ChatEvent | null;
  readonly isEdited: boolean;
  /** It has no content any more. */
  readonly isDeleted: boolean;
  readonly isPinned: boolean;
  readonly reactions: readonly Reaction[];
  /** Ids of members whom it names. */
  readonly mentions: readonly string[];
  readonly attachments: readonly Attachment[];
  /** When it says nothing any more; null: never. */
  readonly expiresMs: number | null;
  /** That time has come: it is not shown any more. */
  readonly isGone: boolean;
  readonly status: MessageStatus;
  readonly timestampMs: number;
  /** Why it failed. */
  readonly failure: string | null;
}

export interface Conversation extends Preferences {
  readonly id: string;
  readonly kind: ConversationKind;
  /** null: it goes by the names of its members. */
  readonly title: string | null;
  /** A URL. */
  readonly picture: string | null;
  /** The user's own. */
  readonly role: Role;
  /** false: the user has left, or was removed. */
  readonly isMember: boolean;
  /** Of a large group, some of them. */
  readonly memberIds: readonly string[];
  readonly memberCount: number;
  /** The last message of the list that said so: what happened up to it is in these. */
  readonly listedSeq: number;
  /** The list has it: it is with the server. */
  readonly isListed: boolean;
  /** When something last happened in it, by the list; 0: nobody said. */
  readonly activeMs: number;
  /** What was unread then, for what is not at hand; null: nobody said. */
  readonly listedUnread: number | null;
  /** Those of them that name the user. */
  readonly listedMentions: number | null;
  /** How long what is sent from now on says something; null: for good. */
  readonly disappearAfterSeconds: number | null;
  /** The last event that told of members or roles; 0: none did. */
  readonly membersSeq: number;
  /** By `seq`, then what has none. Of a conversation that was never opened: the newest run only. */
  readonly messages: readonly Message[];
  /** The user has read up to here. */
  readonly readSeq: number;
  /** Up to here the server is known to have everything on disk. */
  readonly durableSeq: number;
  /** The newest page of the history is in `messages`. */
  readonly isLoaded: boolean;
  readonly isLoadingOlder: boolean;
  /** The server has nothing older, whatever the first `seq`. */
  readonly isWhole: boolean;
  /** Ids of those who are typing. */
  readonly typing: readonly string[];
  /** How far the others are known to have read. */
  readonly readers: Readonly<Record<string, number>>;
  /** What was unread when the conversation was opened begins here. */
  readonly newFromSeq: number | null;
  /** The pinned messages, the one pinned last first. */
  readonly pins: readonly WireMessage[];
}

/** Written here and not yet confirmed. */
export interface Draft {
  readonly clientMessageId: string;
  readonly conversationId: string;
  readonly recipientId: string | null;
  readonly content: string;
  readonly replyTo: string | null;
  readonly mentions: readonly string[];
  readonly attachments: readonly Attachment[];
  readonly composedAtMs: number;
}

export function newConversation(
  id: string,
  kind: ConversationKind,
  memberIds: readonly string[],
): Conversation {
  return {
    ...{ id, kind, title: null, picture: null, role: "member", isMember: true },
    ...{ memberIds, memberCount: memberIds.length, membersSeq: 0 },
    ...{ mutedUntilMs: null, isArchived: false, pinnedMs: null },
    ...{ listedSeq: 0, isListed: false, activeMs: 0, listedUnread: null },
    ...{ listedMentions: null, disappearAfterSeconds: null },
    ...{ messages: [], pins: [], readSeq: 0, durableSeq: 0 },
    ...{
      isLoaded: false,
      isLoadingOlder: false,
      isWhole: false,
      typing: [],
      readers: {},
      newFromSeq: null,
    },
  };
}

/** What these tell of shows at the message that it happened to. */
const SILENT_EVENTS: ReadonlySet<string> = new Set([
  "MESSAGE_EDITED",
  "MESSAGE_DELETED",
  "MESSAGE_REACTION",
]);

/** The messages to be shown. */
export function shownMessages(messages: readonly Message[]): Message[] {
  return messages.filter(
    ({ event, isGone }) => !isGone && (event === null || !SILENT_EVENTS.has(event.type)),
  );
}

/** Receivers key on `(senderId, clientMessageId)`: after a crash a message may come with a new id. */
export function messageKey(senderId: string, clientMessageId: string | null, id: string): string {
  return clientMessageId === null ? id : `${senderId} ${clientMessageId}`;
}

/** The other member of a direct conversation; null in a group. */
export function peerOf(conversation: Conversation, userId: string): string | null {
  if (conversation.kind === "group") return null;
  return conversation.memberIds.find((memberId) => memberId !== userId) ?? null;
}

/** The first `seq` at hand; null when there is none. */
export function firstSeq({ messages }: Conversation): number | null {
  return messages[0]?.seq ?? null;
}

/** The end of the run without gaps that starts at the first message; 0 when there is none. */
export function contiguousSeq({ messages }: Conversation): number {
  let end = 0;
  for (const { seq } of messages) {
    if (seq === null || (end > 0 && seq > end + 1)) break;
    end = seq;
  }
  return end;
}

function lastSeq({ messages }: Conversation): number {
  for (let index = messages.length - 1; index >= 0; index -= 1) {
    const seq = messages[index]?.seq ?? null;
    if (seq !== null) return seq;
  }
  return 0;
}

/** A jump in `seq`: the history has what is missing. */
export function hasGap(conversation: Conversation): boolean {
  return contiguousSeq(conversation) < lastSeq(conversation);
}

export function hasOlder(conversation: Conversation): boolean {
  const { isMember, isWhole } = conversation;
  return isMember && !isWhole && (firstSeq(conversation) ?? 1) > 1;
}

/** The server has it, as far as is known here. */
export function isOnServer({ isListed, messages }: Conversation): boolean {
  return isListed || messages.some(({ seq }) => seq !== null);
}

/** The user may ask about it, and arrange how it stands in their list. */
export function isReachable(conversation: Conversation): boolean {
  return conversation.isMember && isOnServer(conversation);
}

/**
 * Others' messages above the read mark. What is not at hand counts as theirs, unless the list has said
 * how many they are.
 */
export function unreadCount(conversation: Conversation, userId: string): number {
  return countUnread(conversation, userId, conversation.listedUnread, () => true);
}

/** Those of them that name the user, as far as is known. */
export function unreadMentions(conversation: Conversation, userId: string): number {
  const { listedMentions } = conversation;
  return countUnread(conversation, userId, listedMentions ?? 0, ({ mentions }) =>
    mentions.includes(userId),
  );
}

function countUnread(
  conversation: Conversation,
  userId: string,
  listed: number | null,
  isMeant: (message: Message) => boolean,
): number {
  const { messages, readSeq, listedSeq } = conversation;
  const atHand = messages.filter(
    (message) =>
      (message.seq ?? 0) > readSeq &&
      message.senderId !== userId &&
      message.event === null &&
      isMeant(message),
  );
  const notAtHand = Math.max(0, (firstSeq(conversation) ?? 1) - 1 - readSeq);
  if (listed === null) return notAtHand + atHand.length;
  const wasListed = atHand.filter(({ seq }) => (seq ?? 0) <= listedSeq).length;
  return Math.min(notAtHand, Math.max(0, listed - wasListed)) + atHand.length;
}

export function isMuted({ mutedUntilMs }: Conversation, nowMs: number): boolean {
  return mutedUntilMs !== null && mutedUntilMs > nowMs;
}

/** The last message of somebody else, if it is not reported read yet. */
export function messageToReport(conversation: Conversation, userId: string): Message | null {
  const last = conversation.messages.findLast(
    ({ seq, senderId }) => seq !== null && senderId !== userId,
  );
  return last !== undefined && (last.seq ?? 0) > conversation.readSeq ? last : null;
}
