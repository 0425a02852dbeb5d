import { type Attachment, idsOf } from "../chat/attachments.ts";
import type { Conflict, WriteBatch } from "../chat/chat-writes.ts";
import type { SentMessage } from "../chat/stored-chats.ts";
import { conflictsOf, isFree } from "./conflicts.ts";
import { ATTACHMENTS_BY_ID } from "./postgres-attachment-store.ts";
import { CHAT_READS } from "./postgres-chat-reads.ts";
import type { PostgresDatabase } from "./postgres-database.ts";
import { toPostgresJson } from "./postgres-text.ts";

/** The messages that stand in the way of the batch, as the database is now. */
export function findConflicts(db: PostgresDatabase, batch: WriteBatch): Promise<Conflict[]> {
  const { messages } = batch;
  const attached = messages.flatMap(idsOf);
  const identified = messages.filter(({ clientMessageId }) => clientMessageId !== null);
  return db.snapshot(async (query) => {
    const [conversations, ids, seqs, sent, attachments] = await Promise.all([
      query<{ id: string }>(CHAT_READS.takenConversations, [
        toPostgresJson(messages.map(({ conversationId }) => conversationId)),
      ]),
      query<{ id: string }>(CHAT_READS.takenIds, [toPostgresJson(messages.map(({ id }) => id))]),
      query<{ conversationId: string; seq: number }>(CHAT_READS.takenSeqs, [
        toPostgresJson(messages.map(({ conversationId, seq }) => ({ conversationId, seq }))),
      ]),
      query<SentMessage>(CHAT_READS.takenClientIds, [
        toPostgresJson(
          identified.map(({ senderId, clientMessageId }) => ({ senderId, clientMessageId })),
        ),
      ]),
      query<Attachment>(ATTACHMENTS_BY_ID, [toPostgresJson(attached)]),
    ]);
    const conversationIds = new Set(conversations.map(({ id }) => id));
    const messageIds = new Set(ids.map(({ id }) => id));
    const places = new Set(seqs.map(({ conversationId, seq }) => key(conversationId, seq)));
    const firsts = new Map(
      sent.map((first) => [key(first.senderId, first.clientMessageId ?? ""), first]),
    );
    const files = new Map(attachments.map((attachment) => [attachment.id, attachment]));
    return conflictsOf(batch, {
      hasConversation: (id) => conversationIds.has(id.toWellFormed()),
      hasId: (id) => messageIds.has(id.toWellFormed()),
      hasSeq: (conversationId, seq) => places.has(key(conversationId, seq)),
      sent: (senderId, clientMessageId) => firsts.get(key(senderId, clientMessageId)) ?? null,
      hasAttachments: (wanted, senderId) =>
        wanted.every((id) => {
          const attachment = files.get(id.toWellFormed());
          return attachment !== undefined && isFree(attachment, senderId);
        }),
    });
  });
}

function key(text: string, other: string | number): string {
  return JSON.stringify([text.toWellFormed(), String(other).toWellFormed()]);
}
