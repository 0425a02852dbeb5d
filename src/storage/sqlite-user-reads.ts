import { MESSAGE } from "./sqlite-message-columns.ts";
import { PREFERENCES } from "./sqlite-overviews.ts";

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

export const INVITE = `
  code,
  conversation_id AS conversationId,
  creator_id AS creatorId,
  created_ms AS createdMs,
  expires_ms AS expiresMs`;

/** Of READS, those of users and of what is theirs. */
export const USER_READS = {
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
} as const;
