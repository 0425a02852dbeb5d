import { MOST_WAITING_NOTICES } from "../notify/ports.ts";
import { MOST_COUNTED } from "../notify/provider.ts";

const TARGET = `
  notice_targets.id,
  notice_targets.user_id AS userId,
  notice_targets.channel,
  notice_targets.address,
  notice_targets.keys,
  notice_targets.created_ms AS createdMs`;

/** Of a user, what is unread and may be told: others' messages, without those whom they block. */
const UNREAD = `
  messages.conversation_id = :conversationId AND messages.seq > :seenSeq AND messages.seq <= :lastSeq
  AND messages.sender_id <> :userId AND messages.event IS NULL AND messages.deleted_ms IS NULL
  AND (messages.expires_ms IS NULL OR messages.expires_ms > :nowMs)
  AND NOT EXISTS (
    SELECT 1 FROM blocks WHERE blocker_id = :userId AND blocked_id = messages.sender_id
  )`;

const MESSAGE = `
  messages.id,
  messages.seq,
  messages.sender_id AS senderId,
  messages.sender_name AS senderName,
  messages.type,
  messages.content,
  messages.timestamp_ms AS timestampMs,
  EXISTS (
    SELECT 1 FROM mentions
    WHERE mentions.conversation_id = messages.conversation_id AND mentions.user_id = :userId
      AND mentions.seq = messages.seq
  ) AS mentionsUser`;

/** What is read of notices, each by an index. */
export const NOTICE_READS = {
  noticeTargets: `SELECT ${TARGET} FROM notice_targets WHERE user_id = ? ORDER BY id`,

  noticePreferences: "SELECT preferences FROM notice_preferences WHERE user_id = ?",

  noticesDue: `
    SELECT ${TARGET},
           notices.conversation_id AS conversationId,
           notices.last_seq AS lastSeq,
           notices.due_ms AS dueMs,
           notices.attempts,
           notices.created_ms AS noticedMs,
           notice_preferences.preferences,
           members.delivered_seq AS deliveredSeq,
           members.read_seq AS readSeq,
           members.muted_until_ms AS mutedUntilMs,
           max(members.read_seq, members.joined_seq, members.sent_seq) AS seenSeq,
           conversations.kind,
           conversations.title
    FROM notices
    CROSS JOIN notice_targets ON notice_targets.id = notices.target_id
    CROSS JOIN conversations ON conversations.id = notices.conversation_id
    LEFT JOIN members
      ON members.conversation_id = notices.conversation_id
      AND members.user_id = notice_targets.user_id
    LEFT JOIN notice_preferences ON notice_preferences.user_id = notice_targets.user_id
    WHERE notices.channel = ? AND notices.due_ms <= ?
      AND notices.target_id NOT IN (SELECT value FROM json_each(?))
    ORDER BY notices.due_ms LIMIT ?`,

  noticesUnread: `
    SELECT count(*) AS count FROM (SELECT 1 FROM messages WHERE ${UNREAD} LIMIT ${MOST_COUNTED})`,

  noticesNewest: `
    SELECT ${MESSAGE} FROM messages WHERE ${UNREAD} ORDER BY messages.seq DESC LIMIT 1`,

  noticesMentions: `
    SELECT messages.seq
    FROM mentions
    CROSS JOIN messages
      ON messages.conversation_id = mentions.conversation_id AND messages.seq = mentions.seq
    WHERE mentions.conversation_id = :conversationId AND mentions.user_id = :userId
      AND mentions.seq > :seenSeq AND mentions.seq <= :lastSeq
      AND ${UNREAD}
    ORDER BY mentions.seq DESC LIMIT ${MOST_COUNTED}`,

  noticesNextDue: `
    SELECT min(due_ms) AS dueMs FROM notices WHERE channel = ? AND due_ms IS NOT NULL`,

  noticesWaiting: `
    SELECT count(*) AS count FROM (
      SELECT 1 FROM notices
      WHERE channel = ? AND due_ms IS NOT NULL LIMIT ${MOST_WAITING_NOTICES}
    )`,

  noticesSent: "SELECT 1 FROM notices WHERE due_ms IS NULL AND next_ms < ? LIMIT 1",

  outbox: "SELECT position FROM outbox WHERE position > 0 ORDER BY position LIMIT 1",

  outboxLength: `SELECT count(*) AS count FROM (SELECT 1 FROM outbox WHERE position > 0 LIMIT ${MOST_WAITING_NOTICES})`,

  deadLetters: `
    SELECT id, channel, user_id AS userId, target_id AS targetId,
           conversation_id AS conversationId, seq, event_id AS eventId, event_type AS eventType,
           attempts, reason, died_ms AS diedMs
    FROM dead_letters WHERE id > ? ORDER BY id LIMIT ?`,

  deadLettersThere: `
    SELECT count(*) AS count
    FROM (SELECT value FROM json_each(?)) AS wanted
    CROSS JOIN dead_letters ON dead_letters.id = wanted.value
    LEFT JOIN notice_targets ON notice_targets.id = dead_letters.target_id
    WHERE dead_letters.event_id IS NOT NULL OR notice_targets.id IS NOT NULL`,
} as const;
