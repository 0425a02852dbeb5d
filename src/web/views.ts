import { type Conversation, isMuted, peerOf, unreadCount } from "./conversation.ts";
import { peerInDirectId } from "./identity.ts";
import type { Person } from "./people.ts";
import { plainText } from "./plain-text.ts";
import { nameOf, type State } from "./state.ts";

export function titleOf(state: State, conversation: Conversation): string {
  if (conversation.title !== null) return conversation.title;
  const others = conversation.memberIds.filter((memberId) => memberId !== state.userId);
  if (others.length === 0)
    return conversation.kind === "group" ? "Group" : plainText(conversation.id);
  return others.map((memberId) => nameOf(state, memberId)).join(", ");
}

/** Of a conversation that may not be at hand. */
export function titleOfId(state: State, conversationId: string): string {
  const conversation = state.conversations[conversationId];
  if (conversation !== undefined) return titleOf(state, conversation);
  const peer = peerInDirectId(conversationId, state.userId);
  return peer === null ? "Group" : nameOf(state, peer);
}

/** A URL; of a direct conversation the other one's. */
export function pictureOf(state: State, conversation: Conversation): string | null {
  const peer = peerOf(conversation, state.userId);
  return conversation.picture ?? (peer === null ? null : (state.people[peer]?.picture ?? null));
}

/**
 * Those that are archived, or the others: the pinned ones first, then the one with the newest message;
 * one just begun stands above these.
 */
export function conversationsByTime(state: State, isArchived = false): Conversation[] {
  const timeOf = ({ messages, isListed, activeMs }: Conversation) =>
    messages.at(-1)?.timestampMs ?? (isListed ? activeMs : Number.POSITIVE_INFINITY);
  return Object.values(state.conversations)
    .filter(({ id, messages, isListed }) => messages.length > 0 || isListed || id === state.openId)
    .filter((conversation) => conversation.isArchived === isArchived)
    .sort(
      (one, other) =>
        descending(one.pinnedMs ?? 0, other.pinnedMs ?? 0) ||
        descending(timeOf(one), timeOf(other)),
    );
}

function descending(one: number, other: number): number {
  return one === other ? 0 : other - one;
}

/** Whom the user may know: who is there, and who has a conversation with them. */
export function knownPeople(state: State): Person[] {
  return Object.values(state.people)
    .filter(({ userId }) => userId !== state.userId && !userId.startsWith("/"))
    .sort((one, other) => one.name.localeCompare(other.name));
}

/** Who is there and has no conversation with the user yet. */
export function strangersOnline(state: State): Person[] {
  const known = new Set(
    Object.values(state.conversations).map((conversation) => peerOf(conversation, state.userId)),
  );
  return knownPeople(state).filter(
    ({ userId, status }) => status !== "OFFLINE" && !known.has(userId),
  );
}

/** Of what the user wants to be told about. */
export function totalUnread(state: State, nowMs: number): number {
  return Object.values(state.conversations)
    .filter((conversation) => !conversation.isArchived && !isMuted(conversation, nowMs))
    .reduce((sum, conversation) => sum + unreadCount(conversation, state.userId), 0);
}
