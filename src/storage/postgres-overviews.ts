import type { ConversationOverview, StoredMessage } from "../chat/stored-chats.ts";
import { messageOf } from "./postgres-message-columns.ts";
import { fromPostgresJson } from "./postgres-text.ts";

/** An overview with its last message's columns beside it, which are null where there is none. */
export interface OverviewRow
  extends Omit<ConversationOverview, "memberIds" | "lastMessage">,
    Omit<StoredMessage, "id" | "conversationId" | "seq" | "pinnedMs"> {
  readonly userId: string;
  readonly memberIdsJson: string;
  readonly messageId: string | null;
  /** Of the message; `pinnedMs` is the conversation's. */
  readonly lastPinnedMs: number | null;
}

export function overviewOf(row: OverviewRow): ConversationOverview {
  const { id, kind, createdMs, lastSeq, title, picture, disappearAfterSeconds } = row;
  const { joinedSeq, deliveredSeq, readSeq, role, mutedUntilMs, archivedMs, pinnedMs } = row;
  const { memberCount, unread, unreadMentions, activeMs, othersDeliveredSeq, othersReadSeq } = row;
  return {
    ...{ id, kind, createdMs, lastSeq, title, picture, disappearAfterSeconds },
    ...{ joinedSeq, deliveredSeq, readSeq, role, mutedUntilMs, archivedMs, pinnedMs },
    ...{ memberCount, unread, unreadMentions, activeMs, othersDeliveredSeq, othersReadSeq },
    memberIds: fromPostgresJson(row.memberIdsJson) as string[],
    lastMessage: row.messageId === null ? null : lastMessageOf(row, row.messageId),
  };
}

function lastMessageOf(row: OverviewRow, id: string): StoredMessage {
  const { id: conversationId, lastSeq: seq, lastPinnedMs: pinnedMs } = row;
  const { senderId, senderName, recipientId, clientMessageId, type, content, replyTo } = row;
  const { timestampMs, event, attachments, editedMs, deletedMs, expiresMs, mentions } = row;
  const { reactions, replyCount, edited } = row;
  return messageOf({
    ...{ id, conversationId, seq, senderId, senderName, recipientId, clientMessageId },
    ...{ type, content, replyTo, timestampMs, event, attachments, editedMs, deletedMs },
    ...{ pinnedMs, expiresMs, mentions, reactions, replyCount, edited },
  });
}
