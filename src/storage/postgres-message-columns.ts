import { MOST_REACTIONS, type StoredMessage } from "../chat/stored-chats.ts";
import { fromPostgresJson } from "./postgres-text.ts";

/**
 * What becomes of a message after its sending, named as StoredMessage names it, but for reactions and
 * `edited`, which `messageOf` makes of JSON. `alias` is the table of the message.
 */
export const fate = (alias: string, pinnedMs = "pinnedMs") => `
  ${alias}.event,
  ${alias}.attachments,
  ${alias}.edited_ms::float8 AS "editedMs",
  ${alias}.deleted_ms::float8 AS "deletedMs",
  ${alias}.pinned_ms::float8 AS "${pinnedMs}",
  ${alias}.expires_ms::float8 AS "expiresMs",
  ${alias}.mentions,
  (SELECT json_agg(json_build_array(emoji, user_id) ORDER BY reacted_ms, user_id)::text FROM (
    SELECT emoji, user_id, reacted_ms FROM reactions WHERE message_id = ${alias}.id
    ORDER BY reacted_ms, user_id LIMIT ${MOST_REACTIONS}
  ) AS first_reactions) AS reactions,
  (SELECT count(*)::float8 FROM messages AS answers
   WHERE answers.reply_to = ${alias}.id AND answers.conversation_id = ${alias}.conversation_id
     AND answers.reply_to IS NOT NULL AND answers.event IS NULL AND answers.deleted_ms IS NULL
  ) AS "replyCount",
  CASE WHEN ${alias}.event IS NOT NULL AND ${alias}.type = 'MESSAGE_EDITED' THEN (
    SELECT json_build_object(
      'content', CASE WHEN edited.deleted_ms IS NULL THEN edited.content END,
      'editedMs', edited.edited_ms,
      'expiresMs', edited.expires_ms,
      'mentions', edited.mentions::json
    )::text
    FROM messages AS edited
    WHERE edited.id = ${alias}.reply_to AND edited.edited_ms <= ${alias}.timestamp_ms
  ) END AS edited`;

/** The columns of a message, for `messageOf`. */
export const MESSAGE = `
  messages.id,
  messages.conversation_id AS "conversationId",
  messages.seq::float8 AS seq,
  messages.sender_id AS "senderId",
  messages.sender_name AS "senderName",
  messages.recipient_id AS "recipientId",
  messages.client_message_id AS "clientMessageId",
  messages.type,
  messages.content,
  messages.reply_to AS "replyTo",
  messages.timestamp_ms::float8 AS "timestampMs",
  ${fate("messages")}`;

/** A message as its columns have it. */
export function messageOf<Row extends Pick<StoredMessage, "reactions" | "edited">>(row: Row): Row {
  if (row.reactions === null && row.edited === null) return row;
  return { ...row, reactions: compact(row.reactions), edited: compact(row.edited) };
}

/** As JSON.stringify writes it, of the texts that were sent. */
function compact(json: string | null): string | null {
  return json === null ? null : JSON.stringify(fromPostgresJson(json));
}
