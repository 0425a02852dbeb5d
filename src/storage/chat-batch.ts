import type { StoredMessage, WriteBatch } from "../chat/ports.ts";

/** One message a conversation, so that each conversation's row is written once a batch. */
export function newestOfEach(messages: readonly StoredMessage[]): Iterable<StoredMessage> {
  const newest = new Map<string, StoredMessage>();
  for (const message of messages) {
    const other = newest.get(message.conversationId);
    if (other === undefined || other.seq < message.seq) newest.set(message.conversationId, message);
  }
  return newest.values();
}

/**
 * The last messages of senders whose read mark does not say yet, as it does when they answer what they
 * have read, that nothing up to their message is unread: who writes has seen what was there.
 */
export function lastUnsaid({ messages, watermarks }: WriteBatch): Iterable<StoredMessage> {
  const unsaid = new Map<string, StoredMessage>();
  for (const message of messages) {
    if (message.event === null) {
      unsaid.set(memberKey(message.conversationId, message.senderId), message);
    }
  }
  for (const { conversationId, userId, readSeq } of watermarks) {
    const key = memberKey(conversationId, userId);
    if (readSeq >= (unsaid.get(key)?.seq ?? 0)) unsaid.delete(key);
  }
  return unsaid.values();
}

export function memberKey(conversationId: string, userId: string): string {
  return `${userId} ${conversationId}`; // Ids of users hold no space.
}
