import { MESSAGE } from "./sqlite-message-columns.ts";
import { NOTICE_READS } from "./sqlite-notice-reads.ts";
import { ACTIVE_MS, CONVERSATION, MEMBER, overviews } from "./sqlite-overviews.ts";
import { INVITE, USER_READS } from "./sqlite-user-reads.ts";
import { WEBHOOK_READS } from "./sqlite-webhook-reads.ts";

/** What SentMessage names, of a message or of a removed one. */
const SENT_MESSAGE = `
  id,
  conversation_id AS conversationId,
  seq,
  sender_id AS senderId,
  recipient_id AS recipientId,
  client_message_id AS clientMessageId`;

const ATTACHMENT = `
  id,
  uploader_id AS uploaderId,
  message_id AS messageId,
  name,
  type,
  size,
  width,
  height,
  has_thumbnail AS hasThumbnail,
  created_ms AS createdMs,
  remove_ms AS removeMs`;

/** Some of a user's memberships. */
const range = (column: string) => `
  SELECT conversation_id, ${column} FROM members
  WHERE user_id = :userId AND conversation_id > :after ORDER BY conversation_id LIMIT :limit`;

/**
 * Every read that is done to a database, each by an index. (Queue messages, revocations and blocks
 * are read once, when the server starts: all of them.) CROSS JOIN is SQLite's way to say in which
 * order tables are joined.
 */
export const READS = {
  ...USER_READS,
  ...NOTICE_READS,
  ...WEBHOOK_READS,

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
    SELECT page.conversation_id AS conversationId, conversations.last_seq AS lastSeq,
           newest.id AS messageId,
           conversations.last_seq > page.joined_seq
             AND (newest.id IS NULL OR newest.id > :messageId) AS isFound
    FROM (${range("joined_seq")}) AS page
    CROSS JOIN conversations ON conversations.id = page.conversation_id
    LEFT JOIN messages AS newest
      ON newest.conversation_id = page.conversation_id AND newest.seq = conversations.last_seq
    ORDER BY page.conversation_id`,

  unreceived: `
    SELECT page.conversation_id AS conversationId, page.delivered_seq AS deliveredSeq,
           conversations.last_seq AS lastSeq,
           conversations.last_seq > page.delivered_seq AND EXISTS (
             SELECT 1 FROM messages
             WHERE messages.conversation_id = page.conversation_id
               AND messages.seq > page.delivered_seq AND messages.sender_id <> :userId
           ) AS isFound
    FROM (${range("delivered_seq")}) AS page
    CROSS JOIN conversations ON conversations.id = page.conversation_id
    ORDER BY page.conversation_id`,

  lastPerSender: `
    SELECT ${MESSAGE} FROM messages
    WHERE conversation_id = ? AND seq IN (
      SELECT max(seq) FROM messages
      WHERE conversation_id = ? AND seq > ? AND seq <= ? AND sender_id <> ?
      GROUP BY sender_id
    )
    ORDER BY seq`,

  conversationList: overviews(
    `SELECT members.conversation_id
     FROM members
     CROSS JOIN conversations ON conversations.id = members.conversation_id
     WHERE members.user_id = :userId
       AND (members.archived_ms IS NOT NULL) = :archived
       AND (
         (coalesce(members.pinned_ms, 0), ${ACTIVE_MS}) < (:pinnedMs, :activeMs)
         OR ((coalesce(members.pinned_ms, 0), ${ACTIVE_MS}) = (:pinnedMs, :activeMs)
             AND conversations.id > :id)
       )
     ORDER BY coalesce(members.pinned_ms, 0) DESC, ${ACTIVE_MS} DESC, conversations.id
     LIMIT :limit`,
  ),

  conversationOverview: overviews("SELECT :id AS conversation_id"),

  slowest: `
    SELECT user_id AS userId, delivered_seq AS deliveredSeq
    FROM members WHERE conversation_id = ?1
    ORDER BY delivered_seq LIMIT ?2`,

  contacts: `
    SELECT DISTINCT others.user_id AS userId
    FROM members
    CROSS JOIN members AS others ON others.conversation_id = members.conversation_id
    WHERE members.user_id = ?1 AND others.user_id <> ?1
    LIMIT ?2`,

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

  // Newest first, as positions are given: by the words alone, before it is known whom they are for.
  searchRows: `
    SELECT rowid AS row FROM search
    WHERE search MATCH ? AND rowid >= ? AND rowid < ?
    ORDER BY rowid LIMIT ?`,

  searchCandidates: `
    SELECT messages.rowid AS position, messages.sender_id AS senderId, messages.content,
           messages.conversation_id AS conversationId,
           messages.timestamp_ms AS timestampMs
    FROM (SELECT value FROM json_each(?)) AS wanted
    CROSS JOIN messages ON messages.rowid = wanted.value
    CROSS JOIN members
      ON members.conversation_id = messages.conversation_id AND members.user_id = ?
    WHERE messages.seq > members.joined_seq
      AND (messages.expires_ms IS NULL OR messages.expires_ms > ?)
    ORDER BY messages.rowid DESC`,

  messageAtPosition: `SELECT ${MESSAGE} FROM messages WHERE messages.rowid = ?`,

  // From where on a member is shown what is said.
  firstPosition: `
    SELECT messages.rowid AS position
    FROM members
    CROSS JOIN messages
      ON messages.conversation_id = members.conversation_id AND messages.seq > members.joined_seq
    WHERE members.user_id = ? AND members.conversation_id = ?
    ORDER BY messages.seq LIMIT 1`,

  conversationIds: "SELECT conversation_id AS id FROM members WHERE user_id = ? LIMIT ?",

  positionsFrom: `
    SELECT rowid AS position, timestamp_ms AS timestampMs FROM messages
    WHERE rowid >= ? ORDER BY rowid LIMIT 1`,

  lastPosition: "SELECT max(rowid) AS position FROM messages",

  disappearing: `
    SELECT ${MESSAGE} FROM messages
    WHERE expires_ms IS NOT NULL AND deleted_ms IS NULL
    ORDER BY expires_ms LIMIT ?`,

  invite: `SELECT ${INVITE} FROM invites WHERE code = ?`,

  invitesOf: `
    SELECT ${INVITE} FROM invites WHERE conversation_id = ? ORDER BY created_ms, code`,

  attachments: `
    SELECT ${ATTACHMENT} FROM attachments WHERE id IN (SELECT value FROM json_each(?))`,

  attachmentBytes: "SELECT coalesce(sum(size), 0) AS bytes FROM attachments WHERE uploader_id = ?",

  attachmentsUnsent: `
    SELECT ${ATTACHMENT} FROM attachments
    WHERE uploader_id = ? AND message_id IS NULL AND remove_ms IS NOT 0 AND id > ?
    ORDER BY id LIMIT ?`,

  attachmentsDue: `
    SELECT ${ATTACHMENT} FROM attachments WHERE remove_ms <= ? ORDER BY remove_ms LIMIT ?`,

  revocation: `SELECT revoked_ms AS revokedMs FROM revocations WHERE kind = ? AND subject = ?`,

  queuePosition: `SELECT position FROM queue_messages WHERE id = ?`,
} as const;
