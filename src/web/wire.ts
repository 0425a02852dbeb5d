import { Fields, readId, readList } from "./fields.ts";
import { plainText } from "./plain-text.ts";
import { type Attachment, readAttachment } from "./wire-files.ts";

/**
 * The server's JSON bodies, checked before anything believes them. Each reader throws MalformedBody.
 * What people wrote comes as `plainText`.
 */

export type DeliveryStatus = "SENT" | "DELIVERED" | "READ";
export type PresenceStatus = "ONLINE" | "AWAY" | "OFFLINE";
export type ConversationKind = "direct" | "group";
export type Role = "owner" | "admin" | "member";

export const ROLES: readonly Role[] = ["owner", "admin", "member"];

export interface WireMessage {
  readonly id: string;
  readonly clientMessageId: string | null;
  readonly conversationId: string;
  readonly seq: number;
  readonly senderId: string;
  readonly senderName: string;
  readonly recipientId: string | null;
  readonly content: string;
  /** The id of the message that it answers. */
  readonly replyTo: string | null;
  readonly status: DeliveryStatus;
  readonly timestampMs: number;
  readonly isEdited: boolean;
  readonly isPinned: boolean;
  /** It has no content any more. */
  readonly isDeleted: boolean;
  readonly reactions: readonly Reaction[];
  /** Ids of members whom it names. */
  readonly mentions: readonly string[];
  readonly attachments: readonly Attachment[];
  /** When it says nothing any more; null: never. */
  readonly expiresMs: number | null;
  /** That time has come: it is not shown any more. */
  readonly isGone: boolean;
  /** null: somebody says something. */
  readonly event: ChatEvent | null;
}

/** The users who reacted with it, the first first. */
export interface Reaction {
  readonly emoji: string;
  readonly userIds: readonly string[];
}

/** What happened in a conversation; what `type` says nothing of is null. */
export interface ChatEvent {
  readonly type: string;
  readonly title: string | null;
  readonly picture: string | null;
  /** Who came or went. */
  readonly userId: string | null;
  /** What they are now. */
  readonly role: Role | null;
  readonly memberCount: number | null;
  /** What it happened to. */
  readonly messageId: string | null;
  /** What the message says now. */
  readonly content: string | null;
  /** Ids of members whom it names now. */
  readonly mentions: readonly string[];
  /** null: a reaction is taken back. */
  readonly emoji: string | null;
  /** What became of those of a user who is no more: `erased`, or `kept`. */
  readonly messages: string | null;
  /** How long messages say something from then on; null: for good. */
  readonly disappearAfterSeconds: number | null;
}

export interface Confirmation {
  readonly messageId: string;
  readonly clientMessageId: string | null;
  readonly conversationId: string;
  readonly seq: number;
  readonly status: "SENT" | "DELIVERED";
  readonly timestampMs: number;
}

/** What a member arranges for themselves. */
export interface Preferences {
  /** null: not muted. */
  readonly mutedUntilMs: number | null;
  readonly isArchived: boolean;
  /** When it was pinned; null: it is not. */
  readonly pinnedMs: number | null;
}

/** Told to all of the user's devices; what is not named stays. */
export interface PreferencesChange {
  readonly conversationId: string;
  readonly change: Partial<Preferences>;
}

export interface ReadReceipt {
  readonly conversationId: string;
  readonly seq: number;
  readonly readerId: string;
}

export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly destination: string;
  readonly clientMessageId: string | null;
  /** Of a server that stops: when to come back. */
  readonly retryAfterMs: number | null;
}

export interface TypingEvent {
  readonly conversationId: string;
  readonly userId: string;
  readonly isTyping: boolean;
}

export interface UserPresence {
  readonly userId: string;
  /** null: the event names the user by id alone. */
  readonly name: string | null;
  readonly status: PresenceStatus;
  readonly lastSeenMs: number;
}

/** How somebody shows themselves. */
export interface UserProfile {
  readonly userId: string;
  readonly name: string;
  /** A URL. */
  readonly picture: string | null;
}

export interface ConversationSummary extends Preferences {
  readonly id: string;
  readonly kind: ConversationKind;
  readonly title: string | null;
  /** A URL. */
  readonly picture: string | null;
  /** The user's own. */
  readonly role: Role;
  /** When something last happened in it. */
  readonly activeMs: number;
  /** Of a large group, some of them. */
  readonly memberIds: readonly string[];
  readonly memberCount: number;
  readonly readSeq: number;
  /** Messages of others that the user has not read. */
  readonly unread: number;
  /** Those of them that name the user. */
  readonly unreadMentions: number;
  /** How long its messages say something; null: for good. */
  readonly disappearAfterSeconds: number | null;
  readonly lastMessage: WireMessage | null;
}

export function readMessage(value: unknown): WireMessage {
  const body = new Fields(value);
  const expiresMs = body.optionalTime("expiresAt");
  return {
    id: body.text("id"),
    clientMessageId: body.optionalText("clientMessageId"),
    conversationId: body.text("conversationId"),
    seq: body.number("seq"),
    senderId: body.text("senderId"),
    senderName: plainText(body.text("senderName")),
    recipientId: body.optionalText("recipientId"),
    content: plainText(body.text("content")),
    replyTo: body.optionalText("replyTo"),
    status: body.oneOf("status", ["SENT", "DELIVERED", "READ"]),
    timestampMs: body.time("timestamp"),
    isEdited: body.field("editedAt") !== null,
    isDeleted: body.field("deletedAt") !== null,
    isPinned: body.field("pinnedAt") !== null,
    reactions: body.field("reactions") === null ? [] : body.list("reactions").map(readReaction),
    mentions: body.field("mentions") === null ? [] : body.list("mentions").map(readId),
    attachments:
      body.field("attachments") === null ? [] : readList(value, "attachments", readAttachment),
    expiresMs,
    isGone: expiresMs !== null && (body.optionalTime("deletedAt") ?? 0) >= expiresMs,
    event: readEvent(body.text("type"), body.field("event")),
  };
}

function readReaction(value: unknown): Reaction {
  const body = new Fields(value);
  return { emoji: plainText(body.text("emoji")), userIds: body.list("userIds").map(readId) };
}

function readEvent(type: string, value: unknown): ChatEvent | null {
  if (value === null) return null;
  const body = new Fields(value);
  return {
    type,
    title: plainOrNull(body.optionalText("title")),
    picture: body.optionalText("picture"),
    userId: body.optionalText("userId"),
    role: body.optionalOneOf("role", ROLES),
    memberCount: body.optionalNumber("memberCount"),
    messageId: body.optionalText("messageId"),
    content: plainOrNull(body.optionalText("content")),
    mentions: body.field("mentions") === null ? [] : body.list("mentions").map(readId),
    emoji: plainOrNull(body.optionalText("emoji")),
    messages: body.optionalText("messages"),
    disappearAfterSeconds: body.optionalNumber("disappearAfterSeconds"),
  };
}

export function readConfirmation(value: unknown): Confirmation {
  const body = new Fields(value);
  return {
    messageId: body.text("messageId"),
    clientMessageId: body.optionalText("clientMessageId"),
    conversationId: body.text("conversationId"),
    seq: body.number("seq"),
    status: body.oneOf("status", ["SENT", "DELIVERED"]),
    timestampMs: body.time("timestamp"),
  };
}

/** null: the confirmation is of something else. */
export function readPreferencesChange(value: unknown): PreferencesChange | null {
  const body = new Fields(value);
  if (body.text("status") !== "PREFERENCES") return null;
  return {
    conversationId: body.text("conversationId"),
    change: {
      ...(body.has("mutedUntil") && { mutedUntilMs: body.optionalTime("mutedUntil") }),
      ...(body.has("archivedAt") && { isArchived: body.field("archivedAt") !== null }),
      ...(body.has("pinnedAt") && { pinnedMs: body.optionalTime("pinnedAt") }),
    },
  };
}

export function readReceipt(value: unknown): ReadReceipt {
  const body = new Fields(value);
  return {
    conversationId: body.text("conversationId"),
    seq: body.number("seq"),
    readerId: body.text("readerId"),
  };
}

export function readProblem(value: unknown): Problem {
  const body = new Fields(value);
  return {
    code: body.text("code"),
    message: body.text("message"),
    destination: body.text("destination"),
    clientMessageId: body.optionalText("clientMessageId"),
    retryAfterMs: body.optionalNumber("retryAfterMs"),
  };
}

export function readTyping(value: unknown): TypingEvent {
  const body = new Fields(value);
  return {
    conversationId: body.text("conversationId"),
    userId: body.text("userId"),
    isTyping: body.flag("isTyping"),
  };
}

export function readPresence(value: unknown): UserPresence {
  const body = new Fields(value);
  return {
    userId: body.text("userId"),
    name: plainOrNull(body.optionalText("name")),
    status: body.oneOf("status", ["ONLINE", "AWAY", "OFFLINE"]),
    lastSeenMs: body.time("lastSeen"),
  };
}

export function readProfile(value: unknown): UserProfile {
  const body = new Fields(value);
  return {
    userId: body.text("userId"),
    name: plainText(body.text("name")),
    picture: body.optionalText("picture"),
  };
}

export function readConversation(value: unknown): ConversationSummary {
  const body = new Fields(value);
  const lastMessage = body.field("lastMessage");
  return {
    id: body.text("id"),
    kind: body.oneOf("kind", ["direct", "group"]),
    title: plainOrNull(body.optionalText("title")),
    picture: body.optionalText("picture"),
    role: body.oneOf("role", ROLES),
    activeMs: body.time("activeAt"),
    memberIds: body.list("memberIds").map(readId),
    memberCount: body.number("memberCount"),
    readSeq: body.number("readSeq"),
    unread: body.number("unread"),
    unreadMentions: body.number("unreadMentions"),
    disappearAfterSeconds: body.optionalNumber("disappearAfterSeconds"),
    mutedUntilMs: body.optionalTime("mutedUntil"),
    isArchived: body.field("archivedAt") !== null,
    pinnedMs: body.optionalTime("pinnedAt"),
    lastMessage: lastMessage === null ? null : readMessage(lastMessage),
  };
}

function plainOrNull(text: string | null): string | null {
  return text === null ? null : plainText(text);
}
