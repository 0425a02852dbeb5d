import type { Database } from "bun:sqlite";
import type { StoredMessage, WriteBatch } from "../chat/ports.ts";

/** What a batch of chats writes. Transactions are the caller's. */
export class ChatWrites {
  readonly #statements: ReturnType<typeof prepare>;

  /** The database must be migrated. */
  constructor(db: Database) {
    this.#statements = prepare(db);
  }

  /** Throws the engine's error, and may then have written some of it. */
  apply(batch: WriteBatch): void {
    const { conversations, messages, watermarks, users } = batch;
    const { createConversation, addMember, appendMessage, setNewest } = this.#statements;
    for (const { id, kind, createdMs, memberIds } of conversations) {
      if (createConversation.run(id, kind, createdMs).changes === 0) continue;
      let position = 0;
      for (const userId of memberIds) addMember.run(id, userId, position++);
    }
    for (const message of messages) {
      appendMessage.run(
        message.id,
        message.conversationId,
        message.seq,
        message.senderId,
        message.timestampMs,
        message.clientMessageId,
        message.senderName,
        message.recipientId,
        message.type,
        message.replyTo,
        message.content,
      );
    }
    for (const { conversationId, seq, timestampMs } of newestOfEach(messages)) {
      setNewest.run(seq, timestampMs, conversationId, seq);
    }
    for (const { conversationId, userId, deliveredSeq, readSeq } of watermarks) {
      this.#statements.advance.run(deliveredSeq, readSeq, conversationId, userId);
    }
    for (const { userId, name, lastSeenMs } of users) {
      this.#statements.putUser.run(userId, name, lastSeenMs);
    }
    for (const { conversationId, userId } of batch.removedMembers) {
      this.#statements.removeMember.run(conversationId, userId);
    }
    for (const member of batch.addedMembers) {
      const { conversationId, userId, joinedSeq, deliveredSeq, readSeq } = member;
      this.#statements.joinMember.run(userId, joinedSeq, deliveredSeq, readSeq, conversationId);
    }
  }
}

/** One message a conversation, so that each conversation's row is written once a batch. */
function newestOfEach(messages: readonly StoredMessage[]): Iterable<StoredMessage> {
  const newest = new Map<string, StoredMessage>();
  for (const message of messages) {
    const other = newest.get(message.conversationId);
    if (other === undefined || other.seq < message.seq) newest.set(message.conversationId, message);
  }
  return newest.values();
}

type NewMessageRow = [
  id: string,
  conversationId: string,
  seq: number,
  senderId: string,
  timestampMs: number,
  clientMessageId: string | null,
  senderName: string,
  recipientId: string | null,
  type: string,
  replyTo: string | null,
  content: string,
];

function prepare(db: Database) {
  return {
    createConversation: db.query<null, [id: string, kind: string, createdMs: number]>(
      `INSERT INTO conversations (id, kind, created_ms) VALUES (?, ?, ?)
       ON CONFLICT (id) DO NOTHING`,
    ),
    addMember: db.query<null, [conversationId: string, userId: string, position: number]>(
      `INSERT INTO members (conversation_id, user_id, position) VALUES (?, ?, ?)
       ON CONFLICT (conversation_id, user_id) DO NOTHING`,
    ),
    removeMember: db.query<null, [conversationId: string, userId: string]>(
      "DELETE FROM members WHERE conversation_id = ? AND user_id = ?",
    ),
    joinMember: db.query<
      null,
      [
        userId: string,
        joinedSeq: number,
        deliveredSeq: number,
        readSeq: number,
        conversationId: string,
      ]
    >(
      `INSERT INTO members (conversation_id, user_id, position, joined_seq, delivered_seq, read_seq)
       SELECT id, ?, (SELECT coalesce(max(position), -1) + 1 FROM members WHERE conversation_id = id),
              ?, ?, ?
       FROM conversations WHERE id = ?
       ON CONFLICT (conversation_id, user_id) DO UPDATE
       SET joined_seq = excluded.joined_seq,
           delivered_seq = max(delivered_seq, excluded.delivered_seq),
           read_seq = max(read_seq, excluded.read_seq)`,
    ),
    appendMessage: db.query<null, NewMessageRow>(
      `INSERT INTO messages (id, conversation_id, seq, sender_id, timestamp_ms, client_message_id,
                             sender_name, recipient_id, type, reply_to, content)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    setNewest: db.query<
      null,
      [seq: number, timestampMs: number, conversationId: string, above: number]
    >("UPDATE conversations SET last_seq = ?, last_message_ms = ? WHERE id = ? AND last_seq < ?"),
    advance: db.query<
      null,
      [deliveredSeq: number, readSeq: number, conversationId: string, userId: string]
    >(
      `UPDATE members SET delivered_seq = max(delivered_seq, ?), read_seq = max(read_seq, ?)
       WHERE conversation_id = ? AND user_id = ?`,
    ),
    putUser: db.query<null, [userId: string, name: string, lastSeenMs: number]>(
      `INSERT INTO users (user_id, name, last_seen_ms) VALUES (?, ?, ?)
       ON CONFLICT (user_id) DO UPDATE SET name = excluded.name, last_seen_ms = excluded.last_seen_ms`,
    ),
  };
}
