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
