import type { WriteBatch } from "../chat/chat-writes.ts";
import type { StoredMessage } from "../chat/stored-chats.ts";

/** One message a conversation, so that each conversation's row is written once a batch. */
export function newestOfEach(messages: readonly StoredMessage[]): Iterable<StoredMessage> {
  const newest = new Map<string, StoredMessage>();
  for (const message of messages) {
    const other = newest.get(message.conversationId);
    if (other === undefined || other.seq < message.seq) newest.set(message.conversationId, message);
  }
  return newest.values();
}

export interface FirstMessage {
  readonly id: string;
  /** Where the batch's messages begin in the conversation. */
  readonly firstSeq: number;
  /** Of a direct conversation that the batch makes, ascending; null: it is taken to be there. */
  readonly members: readonly string[] | null;
}

/** Of the conversations in which messages may come behind others', see `PlaceBehind`. */
export function firstMessages({ conversations, messages }: WriteBatch): FirstMessage[] {
  const firsts = new Map<string, number>();
  for (const { conversationId, seq } of messages) {
    firsts.set(conversationId, Math.min(firsts.get(conversationId) ?? seq, seq));
  }
  const made = new Map<string, readonly string[]>();
  for (const { id, kind, members } of conversations) {
    if (kind === "group") firsts.delete(id);
    else made.set(id, members.map(({ userId }) => userId).sort());
  }
  return [...firsts].map(([id, firstSeq]) => ({ id, firstSeq, members: made.get(id) ?? null }));
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
