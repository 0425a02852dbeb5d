import type { Database } from "bun:sqlite";
import type { StoredMessage } from "../../src/chat/stored-chats.ts";
import { EPOCH_MS } from "./stored.ts";

/** Writes `chat`, of alice and bob, as a Parley of schema version 1 wrote it. */
export function writeOldChat(db: Database, messages: readonly StoredMessage[]): void {
  db.run("INSERT INTO conversations (id, kind, created_ms) VALUES ('chat', 'direct', ?)", [
    EPOCH_MS,
  ]);
  db.run(
    "INSERT INTO members (conversation_id, user_id, position) VALUES ('chat', 'alice', 0), ('chat', 'bob', 1)",
  );
  for (const message of messages) {
    db.run(
      `INSERT INTO messages (id, conversation_id, seq, sender_id, timestamp_ms, client_message_id,
                             sender_name, recipient_id, type, reply_to, content)
       VALUES (?, 'chat', ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      [
        ...[message.id, message.seq, message.senderId, message.timestampMs],
        ...[message.clientMessageId, message.senderName, message.recipientId],
        ...[message.type, message.replyTo, message.content],
      ],
    );
    db.run("UPDATE conversations SET last_seq = ?, last_message_ms = ?", [
      message.seq,
      message.timestampMs,
    ]);
  }
}
