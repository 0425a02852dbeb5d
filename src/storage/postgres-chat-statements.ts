import { PASSED_EVENT_TYPES } from "../chat/happening.ts";
import { MOST_VERSIONS } from "../chat/stored-chats.ts";
import { anyGiven, anyOf, given, lookedUp } from "./postgres-given.ts";
import { searchVector } from "./postgres-search-words.ts";

/** Rows given as a JSON array of objects, in their order. */
const rows = (columns: string) =>
  `ROWS FROM (json_to_recordset($1::text::json) AS (${columns})) WITH ORDINALITY`;

const IS_OF_MEMBER = `
  ${lookedUp("conversation_id", '"conversationId"')} AND ${lookedUp("user_id", '"userId"')}`;

/**
 * What a batch of chats writes, each list of it by one statement that is given the list as JSON: one
 * parameter, whatever its length, and arrays within its rows. (Arrays by `unnest` took as long.)
 *
 * Locks are taken in this order, so that no two batches wait for each other: conversations that are
 * made, ascending by id; then those that are there and that the batch touches, ascending by id, which
 * guard their members and messages; then users, ascending by id. What else there is to wait for, the
 * same client's id of another conversation's message, an attachment, is met by trying again.
 */
export const CHAT_WRITES = {
  // What was made is found by a hash: only so long as the planner sees no join in it.
  createConversations: `
    WITH given AS (
      SELECT * FROM ${rows(
        `id text, kind text, "createdMs" bigint, title text, picture text,
         "disappearAfterSeconds" bigint, members json`,
      )} AS given (id, kind, created_ms, title, picture, disappear_after_seconds, members, place)
    ), first AS (
      SELECT DISTINCT ON (id) * FROM given ORDER BY id, place
    ), created AS (
      INSERT INTO conversations (id, kind, created_ms, title, picture, disappear_after_seconds)
      SELECT id, kind, created_ms, title, picture, disappear_after_seconds FROM first
      ORDER BY id COLLATE "C"
      ON CONFLICT (id) DO NOTHING
      RETURNING id
    )
    INSERT INTO members (conversation_id, user_id, position, role)
    SELECT first.id, joining.user_id, joining.place - 1, joining.role
    FROM first
    CROSS JOIN LATERAL ROWS FROM (
      json_to_recordset(first.members) AS ("userId" text, role text)
    ) WITH ORDINALITY AS joining (user_id, role, place)
    WHERE (first.id IN (SELECT id FROM created)) IS TRUE
    ORDER BY joining.place
    ON CONFLICT (conversation_id, user_id) DO NOTHING`,

  /** $1: ids of conversations; $2: of messages of theirs. */
  lock: `
    SELECT id, last_seq::float8 AS "lastSeq" FROM conversations
    WHERE id = ${anyOf(`
      ${given("$1")}
      UNION
      SELECT conversation_id FROM messages WHERE id = ${anyGiven("$2")}
    `)}
    ORDER BY id FOR NO KEY UPDATE`,

  /**
   * Of locked conversations, those where nothing but messages, and what tells of these, is in between;
   * and of those that were to be made, which are the same.
   */
  undisturbed: `
    SELECT id FROM json_to_recordset($1::text::json)
      AS given (id text, "firstSeq" bigint, "lastSeq" bigint, members text[])
    WHERE "lastSeq" - "firstSeq" + 1 = (
      SELECT count(*) FROM messages
      WHERE conversation_id = given.id AND seq BETWEEN "firstSeq" AND "lastSeq"
        AND (event IS NULL OR type IN (${PASSED_EVENT_TYPES.map((type) => `'${type}'`).join()}))
    ) AND (
      given.members IS NULL
      OR (SELECT kind = 'direct' FROM conversations WHERE conversations.id = given.id)
      AND given.members = ARRAY(
        SELECT user_id FROM members WHERE conversation_id = given.id ORDER BY user_id COLLATE "C"
      )
    )`,

  appendMessages: `
    INSERT INTO messages (id, conversation_id, seq, sender_id, timestamp_ms, client_message_id,
                          sender_name, recipient_id, type, reply_to, content, event, expires_ms,
                          mentions, mentioned, attachments, words)
    SELECT id, conversation_id, seq, sender_id, timestamp_ms, client_message_id, sender_name,
           recipient_id, type, reply_to, content, event, expires_ms, mentions, mentioned,
           attachments, ${searchVector("words")}
    FROM ${rows(
      `id text, "conversationId" text, seq bigint, "senderId" text, "timestampMs" bigint,
       "clientMessageId" text, "senderName" text, "recipientId" text, type text, "replyTo" text,
       content text, event text, "expiresMs" bigint, mentions text, mentioned text[],
       attachments text, words text[]`,
    )} AS given (id, conversation_id, seq, sender_id, timestamp_ms, client_message_id, sender_name,
                 recipient_id, type, reply_to, content, event, expires_ms, mentions, mentioned,
                 attachments, words, place)
    ORDER BY place`,

  /** After the messages: what was removed meanwhile is seen. */
  removedBefore: `
    SELECT id FROM removed_messages
    JOIN json_to_recordset($1::text::json) AS given ("senderId" text, "clientMessageId" text)
      ON ${lookedUp("sender_id", '"senderId"')}
      AND ${lookedUp("client_message_id", '"clientMessageId"')}
    LIMIT 1`,

  bindAttachments: `
    UPDATE attachments SET message_id = given."messageId", remove_ms = NULL
    FROM json_to_recordset($1::text::json)
      AS given ("messageId" text, "attachmentId" text, "uploaderId" text)
    WHERE ${lookedUp("attachments.id", '"attachmentId"')}
      AND uploader_id IS NOT DISTINCT FROM "uploaderId"
      AND num_nulls(message_id) = 1 AND coalesce(remove_ms, 0) > 0
    RETURNING attachments.id`,

  setNewest: `
    UPDATE conversations SET last_seq = given.seq, last_message_ms = given."timestampMs"
    FROM json_to_recordset($1::text::json)
      AS given ("conversationId" text, seq bigint, "timestampMs" bigint)
    WHERE ${lookedUp("id", '"conversationId"')} AND last_seq < given.seq`,

  advance: `
    UPDATE members
    SET delivered_seq = greatest(delivered_seq, "deliveredSeq"),
        read_seq = greatest(read_seq, "readSeq")
    FROM (
      SELECT "conversationId", "userId", max("deliveredSeq") AS "deliveredSeq",
             max("readSeq") AS "readSeq"
      FROM json_to_recordset($1::text::json)
        AS given ("conversationId" text, "userId" text, "deliveredSeq" bigint, "readSeq" bigint)
      GROUP BY "conversationId", "userId"
    ) AS given
    WHERE ${IS_OF_MEMBER}`,

  putUsers: `
    INSERT INTO users (user_id, name, last_seen_ms)
    SELECT "userId", name, "lastSeenMs" FROM json_to_recordset($1::text::json)
      AS given ("userId" text, name text, "lastSeenMs" bigint)
    ORDER BY "userId" COLLATE "C"
    ON CONFLICT (user_id) DO UPDATE
    SET name = excluded.name, last_seen_ms = excluded.last_seen_ms`,

  removeMembers: `
    DELETE FROM members
    USING json_to_recordset($1::text::json) AS given ("conversationId" text, "userId" text)
    WHERE ${IS_OF_MEMBER}`,

  addMembers: `
    INSERT INTO members (conversation_id, user_id, position, joined_seq, delivered_seq, read_seq,
                         role)
    SELECT conversation_id, user_id,
           nth + max(CASE WHEN nth = 1 THEN (
             SELECT coalesce(max(position), -1) FROM members
             WHERE members.conversation_id = joining.conversation_id
           ) END) OVER (PARTITION BY conversation_id),
           joined_seq, delivered_seq, read_seq, role
    FROM (
      SELECT given.*, row_number() OVER (PARTITION BY conversation_id ORDER BY place) AS nth
      FROM ${rows(
        `"conversationId" text, "userId" text, "joinedSeq" bigint, "deliveredSeq" bigint,
         "readSeq" bigint, role text`,
      )} AS given (conversation_id, user_id, joined_seq, delivered_seq, read_seq, role, place)
      CROSS JOIN LATERAL (
        SELECT FROM conversations WHERE conversations.id = given.conversation_id OFFSET 0
      ) AS there
    ) AS joining
    ON CONFLICT (conversation_id, user_id) DO UPDATE
    SET joined_seq = excluded.joined_seq,
        delivered_seq = greatest(members.delivered_seq, excluded.delivered_seq),
        read_seq = greatest(members.read_seq, excluded.read_seq),
        role = excluded.role`,

  markSent: `
    UPDATE members SET sent_seq = greatest(sent_seq, given.seq)
    FROM json_to_recordset($1::text::json)
      AS given ("conversationId" text, "senderId" text, seq bigint)
    WHERE ${lookedUp("conversation_id", '"conversationId"')}
      AND ${lookedUp("user_id", '"senderId"')}`,

  setRoles: `
    UPDATE members SET role = given.role
    FROM json_to_recordset($1::text::json)
      AS given ("conversationId" text, "userId" text, role text)
    WHERE ${IS_OF_MEMBER}`,

  setProfiles: `
    UPDATE conversations
    SET title = given.title, picture = given.picture,
        disappear_after_seconds = given."disappearAfterSeconds"
    FROM json_to_recordset($1::text::json) AS given
      ("conversationId" text, title text, picture text, "disappearAfterSeconds" bigint)
    WHERE ${lookedUp("id", '"conversationId"')}`,

  /** `names` are those of what is given: null is a value of theirs. */
  setPreferences: `
    UPDATE members
    SET muted_until_ms = CASE WHEN 'mutedUntilMs' = ANY (names) THEN "mutedUntilMs"
                         ELSE muted_until_ms END,
        archived_ms = CASE WHEN 'archivedMs' = ANY (names) THEN "archivedMs" ELSE archived_ms END,
        pinned_ms = CASE WHEN 'pinnedMs' = ANY (names) THEN "pinnedMs" ELSE pinned_ms END
    FROM json_to_recordset($1::text::json) AS given
      ("conversationId" text, "userId" text, names text[], "mutedUntilMs" bigint,
       "archivedMs" bigint, "pinnedMs" bigint)
    WHERE ${IS_OF_MEMBER}`,

  keepVersions: `
    INSERT INTO message_versions (message_id, version, content, replaced_ms)
    SELECT id,
           (SELECT coalesce(max(version), 0) + 1 FROM message_versions WHERE message_id = id),
           messages.content, "editedMs"
    FROM json_to_recordset($1::text::json)
      AS given ("messageId" text, "editedMs" bigint, content text)
    JOIN messages
      ON ${lookedUp("id", '"messageId"')} AND deleted_ms IS NULL AND messages.content <> given.content`,

  edit: `
    UPDATE messages
    SET content = given.content, edited_ms = "editedMs",
        words = CASE WHEN event IS NULL THEN ${searchVector("given.words")} END,
        mentions = CASE WHEN "isNaming" THEN given.mentions ELSE messages.mentions END,
        mentioned = CASE WHEN "isNaming" THEN given.mentioned ELSE messages.mentioned END
    FROM json_to_recordset($1::text::json)
      AS given ("messageId" text, "editedMs" bigint, content text, words text[],
                "isNaming" boolean, mentions text, mentioned text[])
    WHERE ${lookedUp("id", '"messageId"')} AND deleted_ms IS NULL`,

  forgetOldVersions: `
    DELETE FROM message_versions
    USING json_to_recordset($1::text::json) AS given ("messageId" text)
    WHERE ${lookedUp("message_id", '"messageId"')}
      AND version <= (
        SELECT max(version) FROM message_versions AS newest WHERE newest.message_id = "messageId"
      ) - ${MOST_VERSIONS}`,

  react: `
    INSERT INTO reactions (message_id, user_id, emoji, reacted_ms)
    SELECT id, "userId", emoji, "reactedMs"
    FROM json_to_recordset($1::text::json)
      AS given ("messageId" text, "userId" text, emoji text, "reactedMs" bigint)
    JOIN messages ON ${lookedUp("id", '"messageId"')} AND deleted_ms IS NULL
    WHERE emoji IS NOT NULL
    ON CONFLICT (message_id, user_id) DO UPDATE
    SET emoji = excluded.emoji, reacted_ms = excluded.reacted_ms`,

  unreact: `
    DELETE FROM reactions
    USING json_to_recordset($1::text::json)
      AS given ("messageId" text, "userId" text, emoji text)
    WHERE ${lookedUp("message_id", '"messageId"')} AND ${lookedUp("user_id", '"userId"')}
      AND given.emoji IS NULL`,

  pin: `
    UPDATE messages SET pinned_ms = given."pinnedMs"
    FROM json_to_recordset($1::text::json) AS given ("messageId" text, "pinnedMs" bigint)
    WHERE ${lookedUp("id", '"messageId"')} AND deleted_ms IS NULL`,

  keepInOutbox: `
    INSERT INTO outbox (message_id)
    SELECT message_id
    FROM ROWS FROM (json_array_elements_text($1::text::json)) WITH ORDINALITY
      AS given (message_id, place)
    ORDER BY place`,
} as const;
