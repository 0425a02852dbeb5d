import { unknownDestination } from "../broker/destination.ts";

/** The topics that the server alone publishes to (DESIGN §2). */
export const presenceTopic = "/topic/presence";

const TYPING = "/topic/typing/";

export function typingTopic(conversationId: string): string {
  return TYPING + conversationId;
}

/** The conversation of a typing topic; null for another topic. */
export function conversationOfTyping(topic: string): string | null {
  return topic.startsWith(TYPING) ? topic.slice(TYPING.length) : null;
}

export function isReservedTopic(topic: string): boolean {
  return topic === presenceTopic || topic.startsWith(TYPING);
}

/** Followed by the conversation's id. */
export const TYPING_ROUTE = "/app/chat.typing/";

const ROUTES: ReadonlySet<string> = new Set([
  "/app/chat.send",
  "/app/chat.read",
  "/app/chat.sync",
  "/app/user.presence",
  "/app/user.connect",
  "/app/auth.refresh",
]);

/** Throws UNKNOWN_DESTINATION when nothing is behind the destination, which is one of `/app/**`. */
export function assertKnownRoute(destination: string): void {
  if (ROUTES.has(destination) || destination.startsWith(TYPING_ROUTE)) return;
  throw unknownDestination(destination);
}
