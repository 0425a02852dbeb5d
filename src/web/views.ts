import { type Conversation, peerOf, unreadCount } from "./conversation.ts";
import { nameOf, type Person, type State } from "./state.ts";

export function titleOf(state: State, conversation: Conversation): string {
  if (conversation.title !== null) return conversation.title;
  const others = conversation.memberIds.filter((memberId) => memberId !== state.userId);
  if (others.length === 0) return conversation.id;
  return others.map((memberId) => nameOf(state, memberId)).join(", ");
}

/** The one with the newest message first; one just begun stands above them all. */
export function conversationsByTime(state: State): Conversation[] {
  const timeOf = ({ messages }: Conversation) =>
    messages.at(-1)?.timestampMs ?? Number.POSITIVE_INFINITY;
  return Object.values(state.conversations)
    .filter(({ id, messages }) => messages.length > 0 || id === state.openId)
    .sort((one, other) => {
      const [oneMs, otherMs] = [timeOf(one), timeOf(other)];
      return oneMs === otherMs ? 0 : otherMs - oneMs;
    });
}

/** Who is there and has no conversation with the user yet. */
export function strangersOnline(state: State): Person[] {
  const known = new Set(
    conversationsByTime(state).map((conversation) => peerOf(conversation, state.userId)),
  );
  return Object.values(state.people)
    .filter(({ userId, status }) => status !== "OFFLINE" && userId !== state.userId)
    .filter(({ userId }) => !known.has(userId))
    .sort((one, other) => one.name.localeCompare(other.name));
}

export function totalUnread(state: State): number {
  return Object.values(state.conversations).reduce(
    (sum, conversation) => sum + unreadCount(conversation, state.userId),
    0,
  );
}
