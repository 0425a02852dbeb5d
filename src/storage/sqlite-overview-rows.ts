import type { ConversationOverview, StoredMessage } from "../chat/stored-chats.ts";

/** An overview with its last message's columns beside it, which are null where there is none. */
export interface OverviewRow
  extends Omit<
      ConversationOverview,
      "memberIds" | "lastMessage" | "othersDeliveredSeq" | "othersReadSeq"
    >,
    Omit<StoredMessage, "id" | "conversationId" | "seq" | "pinnedMs"> {
  readonly userId: string;
  readonly seenSeq: number;
  readonly memberIdsJson: string;
  readonly othersJson: string | null;
  readonly messageId: string | null;
  /** Of the message; `pinnedMs` is the conversation's. */
  readonly lastPinnedMs: number | null;
}

export function overviewOf(row: OverviewRow): ConversationOverview {
  const { memberIdsJson, othersJson, messageId, userId: _, seenSeq: __, ...rest } = row;
  const { senderId, senderName, recipientId, clientMessageId, ...columns } = rest;
  const { type, content, attachments, replyTo, timestampMs, event, ...more } = columns;
  const { editedMs, deletedMs, reactions, replyCount, edited, lastPinnedMs, ...others } = more;
  const { mentions, expiresMs, ...overview } = others;
  const { id: conversationId, lastSeq: seq } = overview;
  const memberIds: string[] = JSON.parse(memberIdsJson);
  const marks: (number | null)[] = othersJson === null ? [] : JSON.parse(othersJson);
  const [othersDeliveredSeq = null, othersReadSeq = null] = marks;
  const lastMessage = messageId !== null && {
    ...{ id: messageId, conversationId, seq, senderId, senderName, recipientId, clientMessageId },
    ...{ type, content, attachments, replyTo, timestampMs, event },
    ...{ editedMs, deletedMs, pinnedMs: lastPinnedMs, reactions, edited, replyCount },
    ...{ mentions, expiresMs },
  };
  return {
    ...overview,
    memberIds,
    lastMessage: lastMessage || null,
    othersDeliveredSeq,
    othersReadSeq,
  };
}
