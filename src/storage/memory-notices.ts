import type { StoredMessage } from "../chat/stored-chats.ts";
import type { DueNotice, NoticeKey, UnreadMessages } from "../notify/ports.ts";
import { MOST_COUNTED, type NoticeMessage } from "../notify/provider.ts";
import {
  firstAbove,
  type MemoryConversation,
  NO_PREFERENCES,
  namesUser,
  seenSeqOf,
} from "./memory-conversation.ts";

/** A notice as the store in memory keeps it. */
export interface MemoryNotice extends NoticeKey {
  /** null: it was sent. */
  readonly dueMs: number | null;
  readonly attempts: number;
  readonly createdMs: number;
  /** The next one is not due before. */
  readonly nextMs: number;
}

interface UnreadQuery {
  readonly userId: string;
  readonly lastSeq: number;
  readonly nowMs: number;
  /** Whether the user blocks that sender. */
  readonly blocks: (senderId: string) => boolean;
}

export function memberIn(conversation: MemoryConversation, userId: string): DueNotice["member"] {
  const member = conversation.members.get(userId);
  if (member === undefined) return null;
  const { mutedUntilMs } = conversation.preferences.get(userId) ?? NO_PREFERENCES;
  return { deliveredSeq: member.deliveredSeq, readSeq: member.readSeq, mutedUntilMs };
}

export function unreadIn(
  conversation: MemoryConversation,
  { userId, lastSeq, nowMs, blocks }: UnreadQuery,
): UnreadMessages | null {
  const { kind, profile, members, messages } = conversation;
  const member = members.get(userId);
  if (member === undefined) return null;
  const unread = messages
    .slice(firstAbove(messages, seenSeqOf(conversation, member)), firstAbove(messages, lastSeq))
    .filter(({ event, deletedMs }) => event === null && deletedMs === null)
    .filter(({ expiresMs }) => expiresMs === null || expiresMs > nowMs)
    .filter(({ senderId }) => senderId !== userId && !blocks(senderId));
  const newest = unread.at(-1);
  if (newest === undefined) return null;
  const naming = unread.filter(({ mentions }) => namesUser(mentions, userId));
  const newestMention = naming.at(-1);
  return {
    ...{ kind, title: profile.title, count: Math.min(unread.length, MOST_COUNTED) },
    mentions: Math.min(naming.length, MOST_COUNTED),
    newest: noticeMessage(newest, userId),
    newestMention: newestMention === undefined ? null : noticeMessage(newestMention, userId),
  };
}

function noticeMessage(message: StoredMessage, userId: string): NoticeMessage {
  const { id, seq, senderId, senderName, type, content, timestampMs, mentions } = message;
  const mentionsUser = namesUser(mentions, userId);
  return { id, seq, senderId, senderName, type, content, timestampMs, mentionsUser };
}
