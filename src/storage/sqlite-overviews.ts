import { MEMBERS_IN_OVERVIEW } from "../chat/stored-chats.ts";
import { fate } from "./sqlite-message-columns.ts";

export const MEMBER = `
  members.user_id AS userId,
  members.joined_seq AS joinedSeq,
  members.delivered_seq AS deliveredSeq,
  members.read_seq AS readSeq,
  members.role`;

export const PREFERENCES = `
  members.muted_until_ms AS mutedUntilMs,
  members.archived_ms AS archivedMs,
  members.pinned_ms AS pinnedMs`;

export const CONVERSATION = `
  conversations.id,
  conversations.kind,
  conversations.created_ms AS createdMs,
  conversations.last_seq AS lastSeq,
  conversations.title,
  conversations.picture,
  conversations.disappear_after_seconds AS disappearAfterSeconds`;

/** When something last happened in a conversation. */
export const ACTIVE_MS = "coalesce(conversations.last_message_ms, conversations.created_ms)";

/**
 * A user's conversations, as ConversationOverview names it, but for `messageId` and the two columns
 * of JSON. `listed` names the conversations, and is asked before anything else: what is asked of each
 * conversation is asked of those on the page alone. Since seqs have no gaps, what is unread is
 * reckoned from the first message not seen and the last; of those between, only events are looked at.
 */
export const overviews = (listed: string) => `
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
