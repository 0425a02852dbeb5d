import { MOST_WAITING_NOTICES } from "../notify/ports.ts";
import { MOST_COUNTED } from "../notify/provider.ts";
import { anyGiven, given, lookedUp } from "./postgres-given.ts";

const TARGET = `
  notice_targets.id,
  notice_targets.user_id AS "userId",
  notice_targets.channel,
  notice_targets.address,
  notice_targets.keys,
  notice_targets.created_ms::float8 AS "createdMs"`;

/** Of a member, what is unread and may be told at $2: others' messages, without those whom they block. */
const UNREAD = `
  messages.conversation_id = members.conversation_id
  AND messages.seq > greatest(members.read_seq, members.joined_seq, members.sent_seq)
  AND messages.seq <= first.last_seq
  AND messages.sender_id <> members.user_id
  AND messages.event IS NULL AND messages.deleted_ms IS NULL
  AND (messages.expires_ms IS NULL OR messages.expires_ms > $2::bigint)
  AND NOT EXISTS (
    SELECT 1 FROM blocks WHERE blocker_id = members.user_id AND blocked_id = messages.sender_id
  )`;

/** A NoticeMessage in JSON. */
const message = (mentionsUser: string) => `
  json_build_object(
    'id', messages.id, 'seq', messages.seq, 'senderId', messages.sender_id,
    'senderName', messages.sender_name, 'type', messages.type, 'content', messages.content,
    'timestampMs', messages.timestamp_ms, 'mentionsUser', ${mentionsUser}
  )::text`;

const NAMES_MEMBER = `
  EXISTS (
    SELECT 1 FROM mentions
    WHERE mentions.conversation_id = messages.conversation_id
      AND mentions.user_id = members.user_id AND mentions.seq = messages.seq
  )`;

/** What is asked of notices, each by an index. */
export const NOTICE_READS = {
  targets: `SELECT ${TARGET} FROM notice_targets WHERE user_id = $1 ORDER BY id`,

  preferences: "SELECT preferences FROM notice_preferences WHERE user_id = $1",

  due: `
    SELECT ${TARGET},
           first.conversation_id AS "conversationId",
           first.last_seq::float8 AS "lastSeq",
           first.due_ms::float8 AS "dueMs",
           first.attempts::float8 AS attempts,
           first.created_ms::float8 AS "noticedMs",
           notice_preferences.preferences,
           members.delivered_seq::float8 AS "deliveredSeq",
           members.read_seq::float8 AS "readSeq",
           members.muted_until_ms::float8 AS "mutedUntilMs",
           conversations.kind,
           conversations.title,
           counted.messages AS count,
           newest.message AS newest,
           counted_mentions.messages AS mentions,
           newest_mention.message AS "newestMention"
    FROM (
      SELECT * FROM notices
      WHERE channel = $1 AND due_ms <= $2::bigint
        AND NOT target_id = ${anyGiven("$4")}
      ORDER BY due_ms LIMIT $3::bigint
    ) AS first
    JOIN notice_targets ON ${lookedUp("notice_targets.id", "first.target_id")}
    JOIN conversations ON ${lookedUp("conversations.id", "first.conversation_id")}
    LEFT JOIN LATERAL (
      SELECT * FROM members
      WHERE members.conversation_id = first.conversation_id
        AND members.user_id = notice_targets.user_id
      LIMIT 1
    ) AS members ON true
    LEFT JOIN notice_preferences ON notice_preferences.user_id = notice_targets.user_id
    CROSS JOIN LATERAL (
      SELECT count(*)::float8 AS messages FROM (
        SELECT 1 FROM messages WHERE ${UNREAD} LIMIT ${MOST_COUNTED}
      ) AS unread
    ) AS counted
    LEFT JOIN LATERAL (
      SELECT ${message(NAMES_MEMBER)} AS message FROM messages
      WHERE ${UNREAD} ORDER BY messages.seq DESC LIMIT 1
    ) AS newest ON true
    CROSS JOIN LATERAL (
      SELECT count(*)::float8 AS messages, max(seq) AS last_seq FROM (
        SELECT mentions.seq FROM mentions
        JOIN messages
          ON messages.conversation_id = mentions.conversation_id AND messages.seq = mentions.seq
        WHERE mentions.conversation_id = members.conversation_id
          AND mentions.user_id = members.user_id
          AND mentions.seq > greatest(members.read_seq, members.joined_seq, members.sent_seq)
          AND mentions.seq <= first.last_seq
          AND ${UNREAD}
        ORDER BY mentions.seq DESC LIMIT ${MOST_COUNTED}
      ) AS named
    ) AS counted_mentions
    LEFT JOIN LATERAL (
      SELECT ${message("true")} AS message FROM messages
      WHERE messages.conversation_id = first.conversation_id
        AND messages.seq = counted_mentions.last_seq
    ) AS newest_mention ON true
    ORDER BY first.due_ms`,

  nextDue: `
    SELECT min(earliest.due_ms)::float8 AS "dueMs"
    FROM (${given("$1")}) AS channels
    CROSS JOIN LATERAL (
      SELECT due_ms FROM notices
      WHERE notices.channel = channels.value AND due_ms IS NOT NULL
      ORDER BY due_ms LIMIT 1
    ) AS earliest`,

  waiting: `
    SELECT count(*)::float8 AS count FROM (
      (SELECT 1 FROM outbox WHERE position > 0 LIMIT ${MOST_WAITING_NOTICES})
      UNION ALL
      SELECT 1
      FROM (${given("$1")}) AS channels
      CROSS JOIN LATERAL (
        SELECT 1 FROM notices
        WHERE notices.channel = channels.value AND due_ms IS NOT NULL LIMIT ${MOST_WAITING_NOTICES}
      ) AS unsent
      LIMIT ${MOST_WAITING_NOTICES}
    ) AS counted`,

  outbox: "SELECT position FROM outbox WHERE position > 0 ORDER BY position LIMIT 1",

  deadLetters: `
    SELECT id, channel, user_id AS "userId", target_id AS "targetId",
           conversation_id AS "conversationId", seq::float8 AS seq, event_id AS "eventId",
           event_type AS "eventType", attempts::float8 AS attempts, reason,
           died_ms::float8 AS "diedMs"
    FROM dead_letters WHERE id > $1 ORDER BY id LIMIT $2::bigint`,
} as const;
