import { anyOf, lookedUp } from "./postgres-given.ts";

/**
 * What takes out of the database what messages say while the messages stay: their content, what they
 * said before, their attachments, reactions, mentions and pin go. One that has been deleted keeps the
 * time of that. Each takes JSON: `{ messageId, deletedMs }`.
 */
const ERASED = `json_to_recordset($1::text::json) AS erased ("messageId" text, "deletedMs" bigint)`;

export const MESSAGE_ERASURE = [
  `UPDATE messages
   SET content = '', deleted_ms = coalesce(deleted_ms, erased."deletedMs"), pinned_ms = NULL,
       mentions = NULL, mentioned = NULL, attachments = NULL, words = NULL
   FROM ${ERASED} WHERE ${lookedUp("messages.id", 'erased."messageId"')}`,
  `DELETE FROM message_versions WHERE message_id = ${anyOf(`SELECT "messageId" FROM ${ERASED}`)}`,
  `DELETE FROM reactions WHERE message_id = ${anyOf(`SELECT "messageId" FROM ${ERASED}`)}`,
] as const;
