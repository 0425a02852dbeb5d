import { MEMBERS_IN_OVERVIEW, MOST_REACTIONS } from "../chat/ports.ts";

/**
 * What becomes of a message after its sending, named as StoredMessage names it. `alias` is the table
 * of the message.
 */
const fate = (alias: string, pinnedMs = "pinnedMs") => `
  ${alias}.event,
  ${alias}.edited_ms AS editedMs,
  ${alias}.deleted_ms AS deletedMs,
  ${alias}.pinned_ms AS ${pinnedMs},
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
      'editedMs', edited.edited_ms
    )
    FROM messages AS edited
    WHERE edited.id = ${alias}.reply_to AND edited.edited_ms <= ${alias}.timestamp_ms
  ) END AS edited`;

/** The columns of a message, named as StoredMessage names them. */
const MESSAGE = `
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

/** What SentMessage names, of a message or of a removed one. */
const SENT_MESSAGE = `
  id,
  conversation_id AS conversationId,
  seq,
  sender_id AS senderId,
  recipient_id AS recipientId,
  client_message_id AS clientMessageId`;

const MEMBER = `
  members.user_id AS userId,
  members.joined_seq AS joinedSeq,
  members.delivered_seq AS deliveredSeq,
  members.read_seq AS readSeq,
  members.role`;

const PREFERENCES = `
  members.muted_until_ms AS mutedUntilMs,
  members.archived_ms AS archivedMs,
  members.pinned_ms AS pinnedMs`;

const CONVERSATION = `
  conversations.id,
  conversations.kind,
  conversations.created_ms AS createdMs,
  conversations.last_seq AS lastSeq,
  conversations.title,
  conversations.picture`;

/** When something last happened in a conversation. */
const ACTIVE_MS = "coalesce(conversations.last_message_ms, conversations.created_ms)";

const INVITE = `
  code,
  conversation_id AS conversationId,
  creator_id AS creatorId,
  created_ms AS createdMs,
  expires_ms AS expiresMs`;

/**
 * A user's conversations, as ConversationOverview names it, but for `messageId` and the two columns
 * of JSON. The page is found first: what is asked of each conversation is asked of those on it alone.
 * Since seqs have no gaps, what is unread is reckoned from the first message not seen and the last;
 * of those between, only events are looked at.
 */
const overviews = (which: string) => `
    WITH page AS MATERIALIZED (
      SELECT ${CONVERSATION}, ${MEMBER}, ${PREFERENCES}, ${ACTIVE_MS} AS activeMs,
             max(members.read_seq, members.joined_seq, members.sent_seq) AS seenSeq
      FROM members
      CROSS JOIN conversations ON conversations.id = members.conversation_id
      ${which}
    )
    SELECT
      page.*,
      (SELECT count(*) FROM members WHERE conversation_id = page.id) AS memberCount,
      (SELECT json_group_array(user_id) FROM (
        SELECT user_id FROM members WHERE conversation_id = page.id
        ORDER BY user_id LIMIT ${MEMBERS_IN_OVERVIEW}
      )) AS memberIdsJson,
      coalesce((
        SELECT page.lastSeq - first.seq + 1 - (
          SELECT count(*) FROM messages
          WHERE conversation_id = page.id AND seq >= first.seq AND event IS NOT NULL
        )
        FROM messages AS first
        WHERE first.conversation_id = page.id AND first.seq > page.seenSeq
        ORDER BY first.seq LIMIT 1
      ), 0) AS unread,
      CASE WHEN last.sender_id = page.userId THEN
        (SELECT json_array(min(delivered_seq), min(read_seq)) FROM members
         WHERE conversation_id = page.id AND user_id <> page.userId)
      END AS othersJson,
      last.id AS messageId,
      last.sender_id AS senderId,
      last.sender_name AS senderName,
      last.recipient_id AS recipientId,
      last.client_message_id AS clientMessageId,
      last.type,
      last.content,
      last.reply_to AS replyTo,
      last.timestamp_ms AS timestampMs,
      ${fate("last", "lastPinnedMs")}
    FROM page
    LEFT JOIN messages AS last
      ON last.conversation_id = page.id AND last.seq = page.lastSeq AND page.lastSeq > page.joinedSeq
    ORDER BY coalesce(page.pinnedMs, 0) DESC, page.activeMs DESC, page.id`;

/**
 * Every read that is done to a database, each by an index. (Queue messages, revocations and blocks are read once, when the
 * server starts: all of them.) CROSS JOIN is SQLite's way to say in
 * which order tables are joined.
 */
export const READS = {
  conversation: `SELECT ${CONVERSATION} FROM conversations WHERE id = ?`,

  members: `SELECT ${MEMBER} FROM members WHERE conversation_id = ? ORDER BY position`,

  messageById: `SELECT ${MESSAGE} FROM messages WHERE id = ?`,

  messageByClientId: `
    SELECT ${SENT_MESSAGE} FROM messages
    WHERE sender_id = ?1 AND client_message_id = ?2
    UNION ALL
    SELECT ${SENT_MESSAGE} FROM removed_messages
    WHERE sender_id = ?1 AND client_message_id = ?2
    LIMIT 1`,

  clientIds: `
    SELECT sender_id AS senderId, client_message_id AS clientMessageId FROM messages
    WHERE client_message_id IS NOT NULL AND (sender_id, client_message_id) > (?, ?)
    ORDER BY sender_id, client_message_id LIMIT ?`,

  removedClientIds: `
    SELECT sender_id AS senderId, client_message_id AS clientMessageId FROM removed_messages
    WHERE (sender_id, client_message_id) > (?, ?)
    ORDER BY sender_id, client_message_id LIMIT ?`,

  memberNames: `
    SELECT DISTINCT user_id AS userId FROM members
    WHERE user_id > ? ORDER BY user_id LIMIT ?`,

  messageBySeq: `SELECT id FROM messages WHERE conversation_id = ? AND seq = ?`,

  historyBefore: `
    SELECT ${MESSAGE} FROM messages
    WHERE conversation_id = ? AND seq < ?
    ORDER BY seq DESC LIMIT ?`,

  historyAfter: `
    SELECT ${MESSAGE} FROM messages
    WHERE conversation_id = ? AND seq > ? AND seq < ?
    ORDER BY seq LIMIT ?`,

  // Messages are looked at only where the conversation's row says that there is something new.
  backlog: `
    SELECT members.conversation_id AS conversationId,
           members.delivered_seq AS deliveredSeq,
           conversations.last_seq AS lastSeq
    FROM members
    CROSS JOIN conversations
      ON conversations.id = members.conversation_id
      AND conversations.last_seq > members.delivered_seq
    CROSS JOIN messages AS waiting
      ON waiting.conversation_id = members.conversation_id
      AND waiting.seq = (
        SELECT seq FROM messages
        WHERE messages.conversation_id = members.conversation_id
          AND messages.seq > members.delivered_seq
          AND messages.sender_id <> members.user_id
        ORDER BY seq LIMIT 1
      )
    WHERE members.user_id = ?
    ORDER BY waiting.timestamp_ms, waiting.id`,

  conversationHeads: `
    SELECT members.conversation_id AS conversationId, conversations.last_seq AS lastSeq
    FROM members
    CROSS JOIN conversations
      ON conversations.id = members.conversation_id AND conversations.last_seq > 0
    WHERE members.user_id = ?
    ORDER BY conversations.last_message_ms DESC, conversations.id
    LIMIT ?`,

  lastMessageId: "SELECT id FROM messages WHERE id > '' ORDER BY id DESC LIMIT 1",

  conversationsAfter: `
    SELECT members.conversation_id AS conversationId, conversations.last_seq AS lastSeq,
           newest.id AS messageId
    FROM members
    CROSS JOIN conversations
      ON conversations.id = members.conversation_id
      AND conversations.last_seq > members.joined_seq
    LEFT JOIN messages AS newest
      ON newest.conversation_id = members.conversation_id AND newest.seq = conversations.last_seq
    WHERE members.user_id = ? AND (newest.id IS NULL OR newest.id > ?)`,

  lastPerSender: `
    SELECT ${MESSAGE} FROM messages
    WHERE conversation_id = ? AND seq IN (
      SELECT max(seq) FROM messages
      WHERE conversation_id = ? AND seq > ? AND seq <= ? AND sender_id <> ?
      GROUP BY sender_id
    )
    ORDER BY seq`,

  conversationList: overviews(
    `WHERE members.user_id = :userId
       AND (members.archived_ms IS NOT NULL) = :archived
       AND (
         (coalesce(members.pinned_ms, 0), ${ACTIVE_MS}) < (:pinnedMs, :activeMs)
         OR ((coalesce(members.pinned_ms, 0), ${ACTIVE_MS}) = (:pinnedMs, :activeMs)
             AND conversations.id > :id)
       )
     ORDER BY coalesce(members.pinned_ms, 0) DESC, ${ACTIVE_MS} DESC, conversations.id
     LIMIT :limit`,
  ),

  conversationOverview: overviews(
    "WHERE members.conversation_id = :id AND members.user_id = :userId",
  ),

  contacts: `
    SELECT DISTINCT others.user_id AS userId
    FROM members
    CROSS JOIN members AS others ON others.conversation_id = members.conversation_id
    WHERE members.user_id = ?1 AND others.user_id <> ?1
    LIMIT ?2`,

  users: `
    SELECT user_id AS userId, name, last_seen_ms AS lastSeenMs
    FROM users WHERE user_id IN (SELECT value FROM json_each(?))`,

  queueMessages: `
    SELECT id, queue, headers AS headersJson, body, expires_ms AS expiresMs, deliveries
    FROM queue_messages ORDER BY position`,

  revocations: `
    SELECT kind, subject, revoked_ms AS revokedMs, forget_ms AS forgetMs FROM revocations`,

  blocks: `
    SELECT blocker_id AS blockerId, blocked_id AS blockedId FROM blocks
    ORDER BY blocker_id, position`,

  block: `
    SELECT blocker_id AS blockerId, blocked_id AS blockedId FROM blocks
    WHERE blocker_id = ? AND blocked_id = ?`,

  versions: `
    SELECT content, replaced_ms AS replacedMs FROM message_versions
    WHERE message_id = ? ORDER BY version`,

  reaction: "SELECT emoji FROM reactions WHERE message_id = ? AND user_id = ?",

  replies: `
    SELECT ${MESSAGE}
    FROM messages AS answered
    CROSS JOIN messages
      ON messages.reply_to = answered.id AND messages.conversation_id = answered.conversation_id
      AND messages.reply_to IS NOT NULL AND messages.event IS NULL
      AND messages.deleted_ms IS NULL
    WHERE answered.id = ? AND messages.seq > ?
    ORDER BY messages.seq LIMIT ?`,

  pinned: `
    SELECT ${MESSAGE} FROM messages
    WHERE conversation_id = ? AND pinned_ms IS NOT NULL
    ORDER BY pinned_ms DESC, seq DESC LIMIT ?`,

  invite: `SELECT ${INVITE} FROM invites WHERE code = ?`,

  invitesOf: `
    SELECT ${INVITE} FROM invites WHERE conversation_id = ? ORDER BY created_ms, code`,

  revocation: `SELECT revoked_ms AS revokedMs FROM revocations WHERE kind = ? AND subject = ?`,

  queuePosition: `SELECT position FROM queue_messages WHERE id = ?`,
} as const;
