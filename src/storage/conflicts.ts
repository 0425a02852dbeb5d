import { type Attachment, idsOf } from "../chat/attachments.ts";
import type { Conflict, WriteBatch } from "../chat/chat-writes.ts";
import type { SentMessage } from "../chat/stored-chats.ts";

/** What a store holds already. */
export interface Taken {
  hasConversation(id: string): boolean;
  hasId(id: string): boolean;
  hasSeq(conversationId: string, seq: number): boolean;
  sent(senderId: string, clientMessageId: string): SentMessage | null;
  /** All of these are free for a message of the sender's. */
  hasAttachments(ids: readonly string[], senderId: string): boolean;
}

export function isFree({ uploaderId, messageId, removeMs }: Attachment, senderId: string): boolean {
  return uploaderId === senderId && messageId === null && removeMs !== 0;
}

/** The messages without which the batch breaks no constraint: of two that clash, the later one. */
export function conflictsOf({ conversations, messages }: WriteBatch, taken: Taken): Conflict[] {
  const created = new Set(conversations.map(({ id }) => id));
  const inBatch = new Set<string>();
  const conflicts: Conflict[] = [];
  messages.forEach((message, index) => {
    const { id, conversationId, seq, senderId, clientMessageId } = message;
    const first = clientMessageId === null ? null : taken.sent(senderId, clientMessageId);
    const keys = [keyOf("id", id), keyOf("seq", conversationId, String(seq))];
    if (clientMessageId !== null) keys.push(keyOf("client", senderId, clientMessageId));
    const attachments = idsOf(message);
    for (const attachment of attachments) keys.push(keyOf("attachment", attachment));
    const isTaken =
      first !== null ||
      keys.some((key) => inBatch.has(key)) ||
      taken.hasId(id) ||
      taken.hasSeq(conversationId, seq) ||
      (attachments.length > 0 && !taken.hasAttachments(attachments, senderId)) ||
      !(created.has(conversationId) || taken.hasConversation(conversationId));
    if (isTaken) conflicts.push({ index, first });
    else for (const key of keys) inBatch.add(key);
  });
  return conflicts;
}

/** Equal where an engine that keeps well-formed text alone takes the texts for equal. */
function keyOf(...parts: readonly string[]): string {
  return JSON.stringify(parts.map((part) => part.toWellFormed()));
}
