import { MEMBERS_IN_OVERVIEW } from "../chat/stored-chats.ts";
import { anyGiven } from "./postgres-given.ts";
import { fate, MESSAGE } from "./postgres-message-columns.ts";

/** What SentMessage names, of a message or of a removed one. */
const SENT_MESSAGE = `
  id,
  conversation_id AS "conversationId",
  seq::float8 AS seq,
  sender_id AS "senderId",
  recipient_id AS "recipientId",
  client_message_id AS "clientMessageId"`;

const MEMBER = `
  members.user_id AS "userId",
  members.joined_seq::float8 AS "joinedSeq",
  members.delivered_seq::float8 AS "deliveredSeq",
  members.read_seq::float8 AS "readSeq",
  members.role`;

export const PREFERENCES = `
  members.muted_until_ms::float8 AS "mutedUntilMs",
  members.archived_ms::float8 AS "archivedMs",
  members.pinned_ms::float8 AS "pinnedMs"`;

const CONVERSATION = `
  conversations.id,
  conversations.kind,
  conversations.created_ms::float8 AS "createdMs",
  conversations.last_seq::float8 AS "lastSeq",
  conversations.title,
  conversations.picture,
  conversations.disappear_after_seconds::float8 AS "disappearAfterSeconds"`;

/** When something last happened in a conversation. */
const ACTIVE_MS = "coalesce(conversations.last_message_ms, conversations.created_ms)";
const PINNED_MS = "coalesce(members.pinned_ms, 0)";

/**
 * A user's conversations, as ConversationOverview names it, but for the last message and the columns
 * of JSON. The page is found first: what is asked of each conversation is asked of those on it alone.
 * Since seqs have no gaps, what is unread is reckoned from the first message not seen and the last;
 * of those between, only events are looked at.
 */
const overviews = (which: string) => `
    WITH page AS MATERIALIZED (
      SELECT ${CONVERSATION}, ${MEMBER}, ${PREFERENCES}, ${ACTIVE_MS}::float8 AS "activeMs",
             greatest(members.read_seq, members.joined_seq, members.sent_seq) AS seen_seq,
             members.joined_seq, conversations.last_seq
      FROM members
      JOIN conversations ON conversations.id = members.conversation_id
      ${which}
    )
    SELECT
      page.*,
      (SELECT count(*)::float8 FROM members WHERE conversation_id = page.id) AS "memberCount",
      (SELECT json_agg(user_id ORDER BY user_id)::text FROM (
        SELECT user_id FROM members WHERE conversation_id = page.id
        ORDER BY user_id LIMIT ${MEMBERS_IN_OVERVIEW}
      ) AS first_members) AS "memberIdsJson",
      coalesce((
        SELECT page.last_seq - first.seq + 1 - (
          SELECT count(*) FROM messages
          WHERE conversation_id = page.id AND seq >= first.seq AND event IS NOT NULL
        )
        FROM messages AS first
        WHERE first.conversation_id = page.id AND first.seq > page.seen_seq
        ORDER BY first.seq LIMIT 1
      ), 0)::float8 AS unread,
      (SELECT count(*)::float8 FROM mentions
       WHERE conversation_id = page.id AND user_id = page."userId" AND seq > page.seen_seq
      ) AS "unreadMentions",
      others.delivered_seq AS "othersDeliveredSeq",
      others.read_seq AS "othersReadSeq",
      last.id AS "messageId",
      last.sender_id AS "senderId",
      last.sender_name AS "senderName",
      last.recipient_id AS "recipientId",
      last.client_message_id AS "clientMessageId",
      last.type,
      last.content,
      last.reply_to AS "replyTo",
      last.timestamp_ms::float8 AS "timestampMs",
      ${fate("last", "lastPinnedMs")}
    FROM page
    LEFT JOIN messages AS last
      ON last.conversation_id = page.id AND last.seq = page.last_seq
      AND page.last_seq > page.joined_seq
    LEFT JOIN LATERAL (
      SELECT min(delivered_seq)::float8 AS delivered_seq, min(read_seq)::float8 AS read_seq
      FROM members
      WHERE conversation_id = page.id AND user_id <> page."userId"
    ) AS others ON last.sender_id = page."userId"
    ORDER BY coalesce(page."pinnedMs", 0) DESC, page."activeMs" DESC, page.id`;

/** Some of a user's memberships. */
const range = (column: string) => `
  SELECT conversation_id, ${column} FROM members
  WHERE user_id = $1 AND conversation_id > $2 ORDER BY conversation_id LIMIT $3::bigint`;

/** Every read of chats, each by an index. */
export const CHAT_READS = {
  conversation: `
    SELECT ${CONVERSATION},
           (SELECT json_agg(
              json_build_array(user_id, joined_seq, delivered_seq, read_seq, role) ORDER BY position
            )::text
            FROM members WHERE conversation_id = conversations.id) AS "membersJson"
    FROM conversations WHERE id = $1`,

  messageById: `SELECT ${MESSAGE} FROM messages WHERE id = $1`,

  messageByClientId: `
    SELECT ${SENT_MESSAGE} FROM messages WHERE sender_id = $1 AND client_message_id = $2
    UNION ALL
    SELECT ${SENT_MESSAGE} FROM removed_messages WHERE sender_id = $1 AND client_message_id = $2
    LIMIT 1`,

  historyBefore: `
    SELECT ${MESSAGE} FROM messages
    WHERE conversation_id = $1 AND seq < $2::bigint
    ORDER BY messages.seq DESC LIMIT $3::bigint`,

  historyAfter: `
    SELECT ${MESSAGE} FROM messages
    WHERE conversation_id = $1 AND seq > $2::bigint AND seq < $3::bigint
    ORDER BY messages.seq LIMIT $4::bigint`,

  // Messages are looked at only where the conversation's row says that there is something new.
  backlog: `
    SELECT members.conversation_id AS "conversationId",
           members.delivered_seq::float8 AS "deliveredSeq",
           conversations.last_seq::float8 AS "lastSeq"
    FROM members
    JOIN conversations
      ON conversations.id = members.conversation_id
      AND conversations.last_seq > members.delivered_seq
    JOIN LATERAL (
      SELECT timestamp_ms, id FROM messages
      WHERE messages.conversation_id = members.conversation_id
        AND messages.seq > members.delivered_seq
        AND messages.sender_id <> members.user_id
      ORDER BY messages.seq LIMIT 1
    ) AS waiting ON true
    WHERE members.user_id = $1
    ORDER BY waiting.timestamp_ms, waiting.id`,

  conversationHeads: `
    SELECT members.conversation_id AS "conversationId", conversations.last_seq::float8 AS "lastSeq"
    FROM members
    JOIN conversations
      ON conversations.id = members.conversation_id AND conversations.last_seq > 0
    WHERE members.user_id = $1
    ORDER BY conversations.last_message_ms DESC, conversations.id
    LIMIT $2::bigint`,

  lastMessageId: "SELECT id FROM messages ORDER BY id DESC LIMIT 1",

  conversationsAfter: `
    SELECT page.conversation_id AS "conversationId", conversations.last_seq::float8 AS "lastSeq",
           newest.id AS "messageId",
           conversations.last_seq > page.joined_seq
             AND (newest.id IS NULL OR newest.id > $4) AS "isFound"
    FROM (${range("joined_seq")}) AS page
    JOIN conversations ON conversations.id = page.conversation_id
    LEFT JOIN messages AS newest
      ON newest.conversation_id = page.conversation_id AND newest.seq = conversations.last_seq
    ORDER BY page.conversation_id`,

  unreceived: `
    SELECT page.conversation_id AS "conversationId",
           page.delivered_seq::float8 AS "deliveredSeq",
           conversations.last_seq::float8 AS "lastSeq",
           conversations.last_seq > page.delivered_seq AND EXISTS (
             SELECT 1 FROM messages
             WHERE messages.conversation_id = page.conversation_id
               AND messages.seq > page.delivered_seq AND messages.sender_id <> $1
           ) AS "isFound"
    FROM (${range("delivered_seq")}) AS page
    JOIN conversations ON conversations.id = page.conversation_id
    ORDER BY page.conversation_id`,

  lastPerSender: `
    SELECT ${MESSAGE} FROM messages
    WHERE conversation_id = $1 AND seq IN (
      SELECT max(seq) FROM messages
      WHERE conversation_id = $1 AND seq > $2::bigint AND seq <= $3::bigint AND sender_id <> $4
      GROUP BY sender_id
    )
    ORDER BY messages.seq`,

  conversationList: overviews(
    `WHERE members.user_id = $1
       AND (members.archived_ms IS NOT NULL) = $2::boolean
       AND (
         (${PINNED_MS}, ${ACTIVE_MS}) < ($3::bigint, $4::bigint)
         OR ((${PINNED_MS}, ${ACTIVE_MS}) = ($3::bigint, $4::bigint) AND conversations.id > $5)
       )
     ORDER BY ${PINNED_MS} DESC, ${ACTIVE_MS} DESC, conversations.id
     LIMIT $6::bigint`,
  ),

  conversationOverview: overviews("WHERE members.conversation_id = $2 AND members.user_id = $1"),

  slowest: `
    SELECT user_id AS "userId", delivered_seq::float8 AS "deliveredSeq"
    FROM members WHERE conversation_id = $1
    ORDER BY delivered_seq LIMIT $2::bigint`,

  // OFFSET 0: each conversation's members are looked up, not everybody in the order of their ids.
  contacts: `
    SELECT DISTINCT others.user_id AS "userId"
    FROM members
    CROSS JOIN LATERAL (
      SELECT user_id FROM members AS theirs
      WHERE theirs.conversation_id = members.conversation_id AND theirs.user_id <> $1
      OFFSET 0
    ) AS others
    WHERE members.user_id = $1
    LIMIT $2::bigint`,

  // Of those who were ever there.
  users: `
    SELECT user_id AS "userId", coalesce(profile_name, name) AS name,
           last_seen_ms::float8 AS "lastSeenMs"
    FROM users WHERE user_id = ${anyGiven("$1")} AND last_seen_ms > 0`,

  versions: `
    SELECT content, replaced_ms::float8 AS "replacedMs" FROM message_versions
    WHERE message_id = $1 ORDER BY version`,

  reaction: "SELECT emoji FROM reactions WHERE message_id = $1 AND user_id = $2",

  replies: `
    SELECT ${MESSAGE}
    FROM messages AS answered
    JOIN messages
      ON messages.reply_to = answered.id AND messages.conversation_id = answered.conversation_id
      AND messages.reply_to IS NOT NULL AND messages.event IS NULL
      AND messages.deleted_ms IS NULL
    WHERE answered.id = $1 AND messages.seq > $2::bigint
    ORDER BY messages.seq LIMIT $3::bigint`,

  pinned: `
    SELECT ${MESSAGE} FROM messages
    WHERE conversation_id = $1 AND pinned_ms IS NOT NULL
    ORDER BY pinned_ms DESC, messages.seq DESC LIMIT $2::bigint`,

  disappearing: `
    SELECT ${MESSAGE} FROM messages
    WHERE expires_ms IS NOT NULL AND deleted_ms IS NULL
    ORDER BY expires_ms LIMIT $1::bigint`,

  // What stands in the way of a batch.
  takenConversations: `SELECT id FROM conversations WHERE id = ${anyGiven("$1")}`,

  takenIds: `SELECT id FROM messages WHERE id = ${anyGiven("$1")}`,

  takenSeqs: `
    SELECT "conversationId", seq::float8 AS seq
    FROM json_to_recordset($1::text::json) AS wanted ("conversationId" text, seq bigint)
    CROSS JOIN LATERAL (
      SELECT FROM messages
      WHERE messages.conversation_id = wanted."conversationId" AND messages.seq = wanted.seq OFFSET 0
    ) AS taken`,

  takenClientIds: `
    SELECT taken.* FROM (
      SELECT DISTINCT "senderId", "clientMessageId" FROM json_to_recordset($1::text::json)
      AS wanted ("senderId" text, "clientMessageId" text)
    ) AS wanted
    JOIN LATERAL (
      SELECT ${SENT_MESSAGE} FROM messages
      WHERE sender_id = wanted."senderId" AND client_message_id = wanted."clientMessageId"
      UNION ALL
      SELECT ${SENT_MESSAGE} FROM removed_messages
      WHERE sender_id = wanted."senderId" AND client_message_id = wanted."clientMessageId"
    ) AS taken ON true`,
} as const;
