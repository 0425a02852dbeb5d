import { isoTime } from "../clock.ts";
import type { Conversation } from "./conversation.ts";
import type { MessageReference } from "./happening.ts";
import type {
  Edited,
  Preferences,
  SentMessage,
  StoredConversation,
  StoredMember,
  StoredMessage,
} from "./stored-chats.ts";
import type { ConversationState, SyncOutcome } from "./sync.ts";
import type { KnownUser } from "./user-ports.ts";

/** The bodies of the contract's events (DESIGN §2), as JSON text. Undefined fields are left out. */

export type MessageStatus = "SENT" | "DELIVERED" | "READ";
export type PresenceStatus = "ONLINE" | "AWAY" | "OFFLINE";

/** `/queue/messages`, and the elements of a history page. */
export function messageView(
  message: StoredMessage,
  status: MessageStatus,
): Record<string, unknown> {
  return {
    id: message.id,
    clientMessageId: message.clientMessageId ?? undefined,
    conversationId: message.conversationId,
    seq: message.seq,
    senderId: message.senderId,
    senderName: message.senderName,
    recipientId: message.recipientId ?? undefined,
    content: message.content,
    attachments: message.attachments === null ? undefined : JSON.parse(message.attachments),
    type: message.type,
    replyTo: message.event === null ? (message.replyTo ?? undefined) : undefined,
    event: message.event === null ? undefined : eventView(message.event, message.edited),
    status,
    timestamp: isoTime(message.timestampMs),
    editedAt: optionalTime(message.editedMs),
    deletedAt: optionalTime(message.deletedMs),
    pinnedAt: optionalTime(message.pinnedMs),
    replyCount: message.replyCount === 0 ? undefined : message.replyCount,
    reactions: message.reactions === null ? undefined : reactionsView(message.reactions),
    mentions: message.mentions === null ? undefined : JSON.parse(message.mentions),
    expiresAt: optionalTime(message.expiresMs),
  };
}

function optionalTime(timeMs: number | null): string | undefined {
  return timeMs === null ? undefined : isoTime(timeMs);
}

/**
 * The message for a member who was not there for what was said up to `joinedSeq`: of an edit of that
 * they are told, and not what it says.
 */
export function shownSince(joinedSeq: number, message: StoredMessage): StoredMessage {
  if (message.edited === null || message.event === null || joinedSeq === 0) return message;
  const { seq }: MessageReference = JSON.parse(message.event);
  return seq > joinedSeq ? message : { ...message, edited: null };
}

/** Whom it tells that they have been removed, or have left; null: it tells of something else. */
export function farewellOf({ type, event }: StoredMessage): string | null {
  if (event === null || (type !== "MEMBER_REMOVED" && type !== "MEMBER_LEFT")) return null;
  return JSON.parse(event).userId;
}

function eventView(event: string, edited: string | null): Record<string, unknown> {
  if (edited === null) return JSON.parse(event);
  const { content, editedMs, mentions }: Edited = JSON.parse(edited);
  const now =
    content === null
      ? { deleted: true }
      : { content, editedAt: optionalTime(editedMs), mentions: mentions ?? undefined };
  return { ...JSON.parse(event), ...now };
}

/** By emoji, the first one used first. */
function reactionsView(reactions: string): { emoji: string; userIds: string[] }[] {
  const byEmoji = new Map<string, string[]>();
  const pairs: [emoji: string, userId: string][] = JSON.parse(reactions);
  for (const [emoji, userId] of pairs) {
    const userIds = byEmoji.get(emoji);
    if (userIds === undefined) byEmoji.set(emoji, [userId]);
    else userIds.push(userId);
  }
  return [...byEmoji].map(([emoji, userIds]) => ({ emoji, userIds }));
}

export function messageEvent(message: StoredMessage): string {
  return JSON.stringify(messageView(message, "SENT"));
}

export function replayEvent(message: StoredMessage): string {
  return JSON.stringify({ ...messageView(message, "SENT"), replay: true });
}

/** `/queue/confirmations` */
export function confirmationEvent(
  message: SentMessage,
  status: "SENT" | "DELIVERED",
  nowMs: number,
): string {
  return JSON.stringify({
    messageId: message.id,
    clientMessageId: message.clientMessageId ?? undefined,
    conversationId: message.conversationId,
    seq: message.seq,
    recipientId: message.recipientId ?? undefined,
    status,
    timestamp: isoTime(nowMs),
  });
}

/** `/queue/confirmations`, the answer to `/app/chat.sync`. */
export function syncedEvent({ conversations, others }: SyncOutcome, nowMs: number): string {
  const states = [...conversations].map(([id, state]) => [id, syncedView(state)]);
  const resync = [...conversations.values()].some((state) => state?.resync) || undefined;
  return JSON.stringify({
    status: "SYNCED",
    resync,
    conversations: Object.fromEntries(states),
    others: Object.fromEntries(others),
    timestamp: isoTime(nowMs),
  });
}

function syncedView(state: ConversationState | null): Record<string, unknown> {
  if (state === null) return { error: "CONVERSATION_NOT_FOUND" };
  return { ...state, resync: state.resync || undefined };
}

/** `/queue/confirmations`, to the connections of a member who has changed some of these. */
export function preferencesEvent(
  conversationId: string,
  change: Partial<Preferences>,
  nowMs: number,
): string {
  return JSON.stringify({
    ...{ conversationId, status: "PREFERENCES" },
    ...preferencesView(change),
    timestamp: isoTime(nowMs),
  });
}

/** What is not there is left out. */
export function preferencesView({ mutedUntilMs, archivedMs, pinnedMs }: Partial<Preferences>) {
  return {
    mutedUntil: mutedUntilMs == null ? mutedUntilMs : isoTime(mutedUntilMs),
    archivedAt: archivedMs == null ? archivedMs : isoTime(archivedMs),
    pinnedAt: pinnedMs == null ? pinnedMs : isoTime(pinnedMs),
  };
}

/** What others are shown: their own choice first. */
export function shownName({ userId, name, authenticatedName }: KnownUser): string {
  return name ?? authenticatedName ?? userId;
}

/** `/queue/profiles` */
export function profileEvent(user: KnownUser, nowMs: number): string {
  const { userId, picture } = user;
  const profile = { userId, name: shownName(user), picture };
  return JSON.stringify({ ...profile, timestamp: isoTime(nowMs) });
}

/** `/queue/receipts` */
export function readEvent(message: SentMessage, readerId: string, nowMs: number): string {
  return JSON.stringify({
    messageId: message.id,
    conversationId: message.conversationId,
    seq: message.seq,
    readerId,
    status: "READ",
    timestamp: isoTime(nowMs),
  });
}

/** `/topic/typing/{conversationId}` */
export function typingEvent(
  conversationId: string,
  userId: string,
  isTyping: boolean,
  nowMs: number,
): string {
  return JSON.stringify({ conversationId, userId, isTyping, timestamp: isoTime(nowMs) });
}

/** `/topic/presence` */
export function presenceEvent(userId: string, status: PresenceStatus, lastSeenMs: number): string {
  return JSON.stringify({ userId, status, lastSeen: isoTime(lastSeenMs) });
}

/**
 * What the viewer is shown: of one's own message how far the others have come, of another's message
 * how far one has come oneself.
 */
export function statusFor(
  viewerId: string,
  message: StoredMessage,
  conversation: Conversation,
): MessageStatus {
  if (message.senderId === viewerId) {
    if (conversation.isReadByAllBut(viewerId, message.seq)) return "READ";
    return conversation.isDeliveredToAllBut(viewerId, message.seq) ? "DELIVERED" : "SENT";
  }
  const viewer = conversation.members.get(viewerId);
  return viewer !== undefined && viewer.readSeq >= message.seq ? "READ" : "DELIVERED";
}

/**
 * How far a message has come with each member but its sender, and with all of them. Who joined later
 * does not count.
 */
export function messageStatusView(
  { id, conversationId, seq, senderId }: StoredMessage,
  { members }: StoredConversation,
): Record<string, unknown> {
  const receivers = members
    .filter(({ userId, joinedSeq }) => userId !== senderId && joinedSeq < seq)
    .map((member) => ({ userId: member.userId, status: statusWith(member, seq) }));
  const isAll = (...statuses: MessageStatus[]) =>
    receivers.length > 0 && receivers.every(({ status }) => statuses.includes(status));
  const others = isAll("READ") ? "READ" : isAll("READ", "DELIVERED") ? "DELIVERED" : "SENT";
  return { messageId: id, conversationId, seq, senderId, status: others, members: receivers };
}

function statusWith({ deliveredSeq, readSeq }: StoredMember, seq: number): MessageStatus {
  if (readSeq >= seq) return "READ";
  return deliveredSeq >= seq ? "DELIVERED" : "SENT";
}
