import { MOST_REACTIONS } from "../chat/stored-chats.ts";

/**
 * What becomes of a message after its sending, named as StoredMessage names it. `alias` is the table
 * of the message.
 */
export const fate = (alias: string, pinnedMs = "pinnedMs") => `
  ${alias}.event,
  ${alias}.attachments,
  ${alias}.edited_ms AS editedMs,
  ${alias}.deleted_ms AS deletedMs,
  ${alias}.pinned_ms AS ${pinnedMs},
  ${alias}.expires_ms AS expiresMs,
  ${alias}.mentions,
  (SELECT nullif(json_group_array(json_array(emoji, user_id)), '[]') FROM (
    SELECT emoji, user_id FROM reactions WHERE message_id = ${alias}.id
    ORDER BY reacted_ms, user_id LIMIT ${MOST_REACTIONS}
  )) AS reactions,
  (SELECT count(*) FROM messages AS answers
   WHERE answers.reply_to = ${alias}.id AND answers.conversation_id = ${alias}.conversation_id
     AND answers.reply_to IS NOT NULL AND answers.event IS NULL AND answers.deleted_ms IS NULL
  ) AS replyCount,
  CASE WHEN ${alias}.event IS NOT NULL AND ${alias}.type = 'MESSAGE_EDITED' THEN (
    SELECT json_object(
      'content', CASE WHEN edited.deleted_ms IS NULL THEN edited.content END,
      'editedMs', edited.edited_ms,
      'expiresMs', edited.expires_ms,
      'mentions', json(edited.mentions)
    )
    FROM messages AS edited
    WHERE edited.id = ${alias}.reply_to AND edited.edited_ms <= ${alias}.timestamp_ms
  ) END AS edited`;

/** The columns of a message, named as StoredMessage names them. */
export const MESSAGE = `
  messages.id,
  messages.conversation_id AS conversationId,
  messages.seq,
  messages.sender_id AS senderId,
  messages.sender_name AS senderName,
  messages.recipient_id AS recipientId,
  messages.client_message_id AS clientMessageId,
  messages.type,
  messages.content,
  messages.reply_to AS replyTo,
  messages.timestamp_ms AS timestampMs,
  ${fate("messages")}`;
