import { unknownDestination } from "../broker/destination.ts";
import { isTopicPattern } from "../broker/topic-pattern.ts";
import { AppError } from "../errors.ts";

/** The topics that the server alone publishes to (DESIGN §2). */
export const presenceTopic = "/topic/presence";

/** Followed by the conversation's id. */
export const TYPING_TOPICS = "/topic/typing/";

export function typingTopic(conversationId: string): string {
  return TYPING_TOPICS + conversationId;
}

/** The conversation of a typing topic; null for another topic. */
export function conversationOfTyping(topic: string): string | null {
  return topic.startsWith(TYPING_TOPICS) ? topic.slice(TYPING_TOPICS.length) : null;
}

export function isReservedTopic(topic: string): boolean {
  return topic === presenceTopic || topic.startsWith(TYPING_TOPICS);
}

/**
 * Messages of the topic, or of a pattern's, are for all nodes. Of presence each node tells its own, and
 * of typing too, unless they have the same chats.
 */
export function isCarriedTopic(topic: string, isChatShared: boolean): boolean {
  if (!topic.startsWith("/topic/") || topic === presenceTopic) return false;
  return isChatShared || !isReservedTopic(topic);
}

/** The topic's channel between nodes: patterns, which begin with `/topic/`, never cover typing. */
export function channelOfTopic(topic: string): string {
  const conversationId = conversationOfTyping(topic);
  return conversationId === null ? topic : `typing/${conversationId}`;
}

/** Followed by the conversation's id. */
export const TYPING_ROUTE = "/app/chat.typing/";
const TYPING_TEMPLATE = `${TYPING_ROUTE}{conversationId}`;

const ROUTES: ReadonlySet<string> = new Set([
  "/app/chat.send",
  "/app/chat.read",
  "/app/chat.sync",
  "/app/user.presence",
  "/app/user.connect",
  "/app/user.profile",
  "/app/auth.refresh",
  "/app/conversation.create",
  "/app/conversation.update",
  "/app/conversation.add",
  "/app/conversation.remove",
  "/app/conversation.leave",
  "/app/conversation.join",
  "/app/conversation.role",
  "/app/conversation.preferences",
  "/app/message.edit",
  "/app/message.delete",
  "/app/message.react",
  "/app/message.pin",
]);

/** What is behind a destination of `/app/**`, without the ids in it; null: nothing. */
export function routeOf(destination: string): string | null {
  if (ROUTES.has(destination)) return destination;
  return destination.startsWith(TYPING_ROUTE) ? TYPING_TEMPLATE : null;
}

/** Throws UNKNOWN_DESTINATION when nothing is behind the destination, which is one of `/app/**`. */
export function assertKnownRoute(destination: string): void {
  if (routeOf(destination) === null) throw unknownDestination(destination);
}

/** One may send to the topic. Throws FORBIDDEN_DESTINATION, UNKNOWN_DESTINATION. */
export function assertSendable(topic: string): void {
  if (isReservedTopic(topic)) {
    throw new AppError("FORBIDDEN_DESTINATION", `Only the server sends to ${topic}`);
  }
  if (isTopicPattern(topic)) {
    const text = `A message goes to one topic, and ${topic} has wildcards`;
    throw new AppError("UNKNOWN_DESTINATION", text);
  }
}
