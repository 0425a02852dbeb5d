import { MEMBERS_IN_OVERVIEW, MOST_REACTIONS } from "../chat/ports.ts";

/**
 * What becomes of a message after its sending, named as StoredMessage names it. `alias` is the table
 * of the message.
 */
const fate = (alias: string, pinnedMs = "pinnedMs") => `
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
  conversations.picture,
  conversations.disappear_after_seconds AS disappearAfterSeconds`;

/** When something last happened in a conversation. */
const ACTIVE_MS = "coalesce(conversations.last_message_ms, conversations.created_ms)";

/** A user of whom only the profile is there has neither been seen nor named. */
const KNOWN_USER = `
  user_id AS userId,
  profile_name AS name,
  picture,
  nullif(name, '') AS authenticatedName,
  nullif(last_seen_ms, 0) AS lastSeenMs`;

const ERASURE = `
  user_id AS userId,
  requested_ms AS requestedMs,
  keeps_messages AS keepsMessages,
  done_ms AS doneMs,
  erased_messages AS erasedMessages,
  stage`;

const INVITE = `
  code,
  conversation_id AS conversationId,
  creator_id AS creatorId,
  created_ms AS createdMs,
  expires_ms AS expiresMs`;

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

/**
 * A user's conversations, as ConversationOverview names it, but for `messageId` and the two columns
 * of JSON. `listed` names the conversations, and is asked before anything else: what is asked of each
 * conversation is asked of those on the page alone. Since seqs have no gaps, what is unread is
 * reckoned from the first message not seen and the last; of those between, only events are looked at.
 */
const overviews = (listed: string) => `
    WITH listed AS MATERIALIZED (${listed}),
    page AS MATERIALIZED (
      SELECT ${CONVERSATION}, ${MEMBER}, ${PREFERENCES}, ${ACTIVE_MS} AS activeMs,
             max(members.read_seq, members.joined_seq, members.sent_seq) AS seenSeq
      FROM listed
      CROSS JOIN members
        ON members.conversation_id = listed.conversation_id AND members.user_id = :userId
      CROSS JOIN conversations ON conversations.id = members.conversation_id
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
      (SELECT count(*) FROM mentions
       WHERE conversation_id = page.id AND user_id = page.userId AND seq > page.seenSeq
      ) AS unreadMentions,
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

/** Some of a user's memberships. */
const range = (column: string) => `
  SELECT conversation_id, ${column} FROM members
  WHERE user_id = :userId AND conversation_id > :after ORDER BY conversation_id LIMIT :limit`;

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

  contacts: `
    SELECT DISTINCT others.user_id AS userId
    FROM members
    CROSS JOIN members AS others ON others.conversation_id = members.conversation_id
    WHERE members.user_id = ?1 AND others.user_id <> ?1
    LIMIT ?2`,

  // Of those who were ever there.
  users: `
    SELECT user_id AS userId, coalesce(profile_name, name) AS name, last_seen_ms AS lastSeenMs
    FROM users WHERE user_id IN (SELECT value FROM json_each(?)) AND last_seen_ms > 0`,

  profileName: "SELECT profile_name AS name FROM users WHERE user_id = ?",

  knownUsers: `
    SELECT ${KNOWN_USER} FROM users WHERE user_id IN (SELECT value FROM json_each(?))`,

  userList: `SELECT ${KNOWN_USER} FROM users WHERE user_id > ? ORDER BY user_id LIMIT ?`,

  // Of either no more than `:most` are looked at: of two users who are both in more, what they share
  // may stay unknown.
  sharing: `
    WITH
      own AS MATERIALIZED (
        SELECT count(*) AS conversations
        FROM (SELECT 1 FROM members WHERE user_id = :userId LIMIT :most + 1)
      ),
      wanted AS MATERIALIZED (
        SELECT value AS userId, (
          SELECT count(*) FROM (SELECT 1 FROM members WHERE user_id = value LIMIT :most + 1)
        ) AS conversations
        FROM json_each(:idsJson)
      )
    SELECT
      wanted.userId,
      CASE WHEN wanted.conversations <= own.conversations THEN EXISTS (
        SELECT 1
        FROM (SELECT conversation_id FROM members WHERE user_id = wanted.userId LIMIT :most) AS theirs
        CROSS JOIN members
          ON members.conversation_id = theirs.conversation_id AND members.user_id = :userId
      ) ELSE EXISTS (
        SELECT 1
        FROM (SELECT conversation_id FROM members WHERE user_id = :userId LIMIT :most) AS ours
        CROSS JOIN members
          ON members.conversation_id = ours.conversation_id AND members.user_id = wanted.userId
      ) END AS isSharing,
      min(wanted.conversations, own.conversations) <= :most AS isSure
    FROM own CROSS JOIN wanted`,

  membershipsOf: `
    SELECT members.conversation_id AS conversationId, conversations.kind, conversations.title,
           members.role, members.joined_seq AS joinedSeq, members.delivered_seq AS deliveredSeq,
           members.read_seq AS readSeq, ${PREFERENCES}
    FROM members
    CROSS JOIN conversations ON conversations.id = members.conversation_id
    WHERE members.user_id = ? AND members.conversation_id > ?
    ORDER BY members.conversation_id LIMIT ?`,

  messagesWithClientId: `
    SELECT ${MESSAGE} FROM messages
    WHERE sender_id = ? AND client_message_id > ?
    ORDER BY client_message_id LIMIT ?`,

  messagesWithoutClientId: `
    SELECT messages.rowid, ${MESSAGE} FROM messages
    WHERE sender_id = ? AND client_message_id IS NULL AND messages.rowid > ?
    ORDER BY messages.rowid LIMIT ?`,

  reactionsOf: `
    SELECT reactions.message_id AS messageId, messages.conversation_id AS conversationId,
           reactions.emoji, reactions.reacted_ms AS reactedMs
    FROM reactions
    CROSS JOIN messages ON messages.id = reactions.message_id
    WHERE reactions.user_id = ? AND reactions.message_id > ?
    ORDER BY reactions.message_id LIMIT ?`,

  invitesBy: `
    SELECT ${INVITE} FROM invites WHERE creator_id = ? AND code > ? ORDER BY code LIMIT ?`,

  erasure: `SELECT ${ERASURE} FROM erasures WHERE user_id = ?`,

  erasuresUnderWay: `
    SELECT ${ERASURE} FROM erasures WHERE done_ms IS NULL ORDER BY requested_ms`,

  erasuresUntold: `
    SELECT conversation_id AS conversationId FROM erasures_untold
    WHERE user_id = ? ORDER BY conversation_id LIMIT ?`,

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
    SELECT messages.rowid AS position, messages.id, messages.sender_id AS senderId,
           messages.content, messages.conversation_id AS conversationId,
           messages.timestamp_ms AS timestampMs
    FROM (SELECT value FROM json_each(?)) AS wanted
    CROSS JOIN messages ON messages.rowid = wanted.value
    CROSS JOIN members
      ON members.conversation_id = messages.conversation_id AND members.user_id = ?
    WHERE messages.seq > members.joined_seq
      AND (messages.expires_ms IS NULL OR messages.expires_ms > ?)
    ORDER BY messages.rowid DESC`,

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
