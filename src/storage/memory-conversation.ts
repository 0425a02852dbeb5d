import type { ListPosition } from "../chat/ports.ts";
import {
  type ConversationKind,
  type ConversationOverview,
  type ConversationProfile,
  MEMBERS_IN_OVERVIEW,
  type Preferences,
  type StoredMember,
  type StoredMessage,
} from "../chat/stored-chats.ts";

/** A conversation as the store in memory keeps it. */
export interface MemoryConversation {
  readonly id: string;
  readonly kind: ConversationKind;
  readonly createdMs: number;
  profile: ConversationProfile;
  /** In the order of their joining. */
  readonly members: Map<string, StoredMember>;
  readonly preferences: Map<string, Preferences>;
  /** Ascending by `seq`; those that have been removed are missing at the start. */
  messages: StoredMessage[];
  /** Of the newest message, which may have been removed. */
  lastSeq: number;
  lastMessageMs: number | null;
}

export const NO_PREFERENCES: Preferences = { mutedUntilMs: null, archivedMs: null, pinnedMs: null };

/** null where that user is no member. */
export function overviewOf(
  conversation: MemoryConversation,
  userId: string,
): ConversationOverview | null {
  const { id, kind, createdMs, profile, lastSeq, lastMessageMs, members, messages } = conversation;
  const member = members.get(userId);
  if (member === undefined) return null;
  const { userId: _, ...own } = member;
  const newest = messages.at(-1) ?? null;
  const lastMessage = newest !== null && newest.seq > own.joinedSeq ? newest : null;
  const unread = messages
    .slice(firstAbove(messages, seenSeqOf(conversation, member)))
    .filter(({ event }) => event === null);
  const others = [...members.values()].filter((other) => other !== member);
  const lowest = (mark: "deliveredSeq" | "readSeq") =>
    lastMessage?.senderId !== userId || others.length === 0
      ? null
      : Math.min(...others.map((other) => other[mark]));
  return {
    ...{ id, kind, createdMs, ...profile, lastSeq, ...own, lastMessage },
    ...(conversation.preferences.get(userId) ?? NO_PREFERENCES),
    activeMs: lastMessageMs ?? createdMs,
    memberCount: members.size,
    memberIds: [...members.keys()].sort(compare).slice(0, MEMBERS_IN_OVERVIEW),
    unread: unread.length,
    unreadMentions: unread.filter(({ mentions }) => namesUser(mentions, userId)).length,
    othersDeliveredSeq: lowest("deliveredSeq"),
    othersReadSeq: lowest("readSeq"),
  };
}

/** Up to here the member has read, was not there yet, or has answered. */
export function seenSeqOf(
  { messages }: MemoryConversation,
  { userId, readSeq, joinedSeq }: StoredMember,
): number {
  const sent = messages.findLast(({ senderId, event }) => senderId === userId && event === null);
  return Math.max(readSeq, joinedSeq, sent?.seq ?? 0);
}

export function namesUser(mentions: string | null, userId: string): boolean {
  return mentions !== null && JSON.parse(mentions).includes(userId);
}

export function positionOf({ pinnedMs, activeMs, id }: ConversationOverview): ListPosition {
  return { pinnedMs: pinnedMs ?? 0, activeMs, id };
}

export function byPosition(a: ListPosition, b: ListPosition): number {
  return b.pinnedMs - a.pinnedMs || b.activeMs - a.activeMs || compare(a.id, b.id);
}

/** The index of the first message whose `seq` is above the given one; the length if there is none. */
export function firstAbove(messages: readonly StoredMessage[], seq: number): number {
  let low = 0;
  let high = messages.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((messages[middle]?.seq ?? 0) > seq) high = middle;
    else low = middle + 1;
  }
  return low;
}

export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
