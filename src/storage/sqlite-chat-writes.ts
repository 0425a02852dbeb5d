import type { Database } from "bun:sqlite";
import { idsOf } from "../chat/attachments.ts";
import type { MessageWrite, WriteBatch } from "../chat/chat-writes.ts";
import { MOST_VERSIONS, type StoredMessage } from "../chat/stored-chats.ts";
import { lastUnsaid, newestOfEach } from "./chat-batch.ts";
import { EngineError } from "./sqlite-errors.ts";
import { MessageErasure } from "./sqlite-message-erasure.ts";

/** What a batch of chats writes. Transactions are the caller's. */
export class ChatWrites {
  readonly #statements: ReturnType<typeof prepare>;
  readonly #erasure: MessageErasure;

  /** The database must be migrated. */
  constructor(db: Database) {
    this.#statements = prepare(db);
    this.#erasure = new MessageErasure(db);
  }

  /** Throws the engine's error, and may then have written some of it. */
  apply(batch: WriteBatch): void {
    const { conversations, messages, watermarks, users } = batch;
    const { createConversation, addMember, appendMessage, setNewest } = this.#statements;
    for (const { id, kind, createdMs, members, ...profile } of conversations) {
      const { title, picture, disappearAfterSeconds } = profile;
      const row = [id, kind, createdMs, title, picture, disappearAfterSeconds] as const;
      if (createConversation.run(...row).changes === 0) continue;
      let position = 0;
      for (const { userId, role } of members) addMember.run(id, userId, position++, role);
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
        message.event,
        message.expiresMs,
        message.mentions,
        message.attachments,
      );
      if (message.attachments !== null) this.#bindAttachments(message);
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
      const { conversationId, userId, joinedSeq, deliveredSeq, readSeq, role } = member;
      const watermarks = [joinedSeq, deliveredSeq, readSeq] as const;
      this.#statements.joinMember.run(userId, ...watermarks, role, conversationId);
    }
    for (const { conversationId, senderId, seq } of lastUnsaid(batch)) {
      this.#statements.markSent.run(seq, conversationId, senderId);
    }
    this.#applyChanges(batch);
    for (const change of batch.messageChanges) this.#changeMessage(change);
    for (const id of batch.outbox) this.#statements.keepInOutbox.run(id);
  }

  #bindAttachments(message: StoredMessage): void {
    const { id, senderId } = message;
    for (const attachmentId of idsOf(message)) {
      if (this.#statements.bindAttachment.run(id, attachmentId, senderId).changes === 1) continue;
      throw new EngineError("SQLITE_CONSTRAINT_ATTACHMENT", "the attachment is not free");
    }
  }

  #changeMessage(change: MessageWrite): void {
    const { messageId } = change;
    switch (change.kind) {
      case "edit": {
        const { content, editedMs, mentions } = change;
        const { keepVersion, edit, mention, forgetOldVersions } = this.#statements;
        if (keepVersion.run(messageId, editedMs, content).changes > 0) {
          forgetOldVersions.run(messageId);
        }
        edit.run(content, editedMs, messageId);
        if (mentions !== undefined) mention.run(mentions, messageId);
        return;
      }
      case "delete":
        this.#erasure.erase(messageId, change.deletedMs);
        return;
      case "react": {
        const { userId, emoji, reactedMs } = change;
        if (emoji === null) this.#statements.unreact.run(messageId, userId);
        else this.#statements.react.run(userId, emoji, reactedMs, messageId);
        return;
      }
      case "pin":
        this.#statements.pin.run(change.pinnedMs, messageId);
    }
  }

  #applyChanges({ roles, profiles, preferences }: WriteBatch): void {
    const { setRole, setProfile, setMuted, setArchived, setPinned } = this.#statements;
    for (const { conversationId, userId, role } of roles) setRole.run(role, conversationId, userId);
    for (const { conversationId, title, picture, disappearAfterSeconds } of profiles) {
      setProfile.run(title, picture, disappearAfterSeconds, conversationId);
    }
    for (const { conversationId, userId, mutedUntilMs, archivedMs, pinnedMs } of preferences) {
      if (mutedUntilMs !== undefined) setMuted.run(mutedUntilMs, conversationId, userId);
      if (archivedMs !== undefined) setArchived.run(archivedMs, conversationId, userId);
      if (pinnedMs !== undefined) setPinned.run(pinnedMs, conversationId, userId);
    }
  }
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
  event: string | null,
  expiresMs: number | null,
  mentions: string | null,
  attachments: string | null,
];

type NewConversationRow = [
  id: string,
  kind: string,
  createdMs: number,
  title: string | null,
  picture: string | null,
  disappearAfterSeconds: number | null,
];

type NewMemberRow = [conversationId: string, userId: string, position: number, role: string];

/** Of a member, a time in epoch milliseconds, or that there is none. */
type PreferenceRow = [timeMs: number | null, conversationId: string, userId: string];

function prepare(db: Database) {
  const setPreference = (column: string) =>
    db.query<null, PreferenceRow>(
      `UPDATE members SET ${column} = ? WHERE conversation_id = ? AND user_id = ?`,
    );
  return {
    createConversation: db.query<null, NewConversationRow>(
      `INSERT INTO conversations (id, kind, created_ms, title, picture, disappear_after_seconds)
       VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO NOTHING`,
    ),
    addMember: db.query<null, NewMemberRow>(
      `INSERT INTO members (conversation_id, user_id, position, role) VALUES (?, ?, ?, ?)
       ON CONFLICT (conversation_id, user_id) DO NOTHING`,
    ),
    setRole: db.query<null, [role: string, conversationId: string, userId: string]>(
      "UPDATE members SET role = ? WHERE conversation_id = ? AND user_id = ?",
    ),
    setProfile: db.query<
      null,
      [title: string | null, picture: string | null, seconds: number | null, id: string]
    >("UPDATE conversations SET title = ?, picture = ?, disappear_after_seconds = ? WHERE id = ?"),
    setMuted: setPreference("muted_until_ms"),
    setArchived: setPreference("archived_ms"),
    setPinned: setPreference("pinned_ms"),
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
        role: string,
        conversationId: string,
      ]
    >(
      `INSERT INTO members (conversation_id, user_id, position, joined_seq, delivered_seq, read_seq,
                            role)
       SELECT id, ?, (SELECT coalesce(max(position), -1) + 1 FROM members WHERE conversation_id = id),
              ?, ?, ?, ?
       FROM conversations WHERE id = ?
       ON CONFLICT (conversation_id, user_id) DO UPDATE
       SET joined_seq = excluded.joined_seq,
           delivered_seq = max(delivered_seq, excluded.delivered_seq),
           read_seq = max(read_seq, excluded.read_seq),
           role = excluded.role`,
    ),
    appendMessage: db.query<null, NewMessageRow>(
      `INSERT INTO messages (id, conversation_id, seq, sender_id, timestamp_ms, client_message_id,
                             sender_name, recipient_id, type, reply_to, content, event, expires_ms,
                             mentions, attachments)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    bindAttachment: db.query<null, [messageId: string, id: string, uploaderId: string]>(
      `UPDATE attachments SET message_id = ?, remove_ms = NULL
       WHERE id = ? AND uploader_id = ? AND message_id IS NULL AND remove_ms > 0`,
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
    markSent: db.query<null, [seq: number, conversationId: string, userId: string]>(
      `UPDATE members SET sent_seq = max(sent_seq, ?) WHERE conversation_id = ? AND user_id = ?`,
    ),
    keepVersion: db.query<null, [messageId: string, replacedMs: number, content: string]>(
      `INSERT INTO message_versions (message_id, version, content, replaced_ms)
       SELECT id,
              (SELECT coalesce(max(version), 0) + 1 FROM message_versions WHERE message_id = ?1),
              content, ?2
       FROM messages WHERE id = ?1 AND deleted_ms IS NULL AND content <> ?3`,
    ),
    edit: db.query<null, [content: string, editedMs: number, messageId: string]>(
      "UPDATE messages SET content = ?, edited_ms = ? WHERE id = ? AND deleted_ms IS NULL",
    ),
    mention: db.query<null, [mentions: string | null, messageId: string]>(
      "UPDATE messages SET mentions = ? WHERE id = ? AND deleted_ms IS NULL",
    ),
    forgetOldVersions: db.query<null, [messageId: string]>(
      `DELETE FROM message_versions
       WHERE message_id = ?1
         AND version <= (SELECT max(version) FROM message_versions WHERE message_id = ?1)
                        - ${MOST_VERSIONS}`,
    ),
    react: db.query<null, [userId: string, emoji: string, reactedMs: number, messageId: string]>(
      `INSERT INTO reactions (message_id, user_id, emoji, reacted_ms)
       SELECT id, ?1, ?2, ?3 FROM messages WHERE id = ?4 AND deleted_ms IS NULL
       ON CONFLICT (message_id, user_id) DO UPDATE
       SET emoji = excluded.emoji, reacted_ms = excluded.reacted_ms`,
    ),
    unreact: db.query<null, [messageId: string, userId: string]>(
      "DELETE FROM reactions WHERE message_id = ? AND user_id = ?",
    ),
    pin: db.query<null, [pinnedMs: number | null, messageId: string]>(
      "UPDATE messages SET pinned_ms = ? WHERE id = ? AND deleted_ms IS NULL",
    ),
    keepInOutbox: db.query<null, [messageId: string]>("INSERT INTO outbox (message_id) VALUES (?)"),
    putUser: db.query<null, [userId: string, name: string, lastSeenMs: number]>(
      `INSERT INTO users (user_id, name, last_seen_ms) VALUES (?, ?, ?)
       ON CONFLICT (user_id) DO UPDATE SET name = excluded.name, last_seen_ms = excluded.last_seen_ms`,
    ),
  };
}
