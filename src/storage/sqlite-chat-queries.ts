import type { Database, SQLQueryBindings } from "bun:sqlite";
import type { Attachment } from "../chat/attachments.ts";
import type {
  BacklogHead,
  ConversationHead,
  ConversationKind,
  ConversationProfile,
  MemberDelivery,
  MessageVersion,
  NewestMessage,
  SentMessage,
  StoredMember,
  StoredMessage,
  StoredUser,
} from "../chat/stored-chats.ts";
import type { OverviewRow } from "./sqlite-overview-rows.ts";
import { READS } from "./sqlite-reads.ts";

interface ConversationRow extends ConversationProfile {
  readonly id: string;
  readonly kind: ConversationKind;
  readonly createdMs: number;
  readonly lastSeq: number;
}

type RangeParameters = {
  readonly userId: string;
  readonly after: string;
  readonly limit: number;
};

/** A conversation that was looked at. */
export interface Looked {
  readonly isFound: 0 | 1;
}

type ListParameters = {
  readonly userId: string;
  readonly archived: 0 | 1;
  readonly pinnedMs: number;
  readonly activeMs: number;
  readonly id: string;
  readonly limit: number;
};

/** What is read of chats, each prepared once: see `READS`. */
export function prepareChatQueries(db: Database) {
  const query = <Row, Parameters extends SQLQueryBindings[]>(sql: string) =>
    db.query<Row, Parameters>(sql);
  return {
    begin: query<null, []>("BEGIN"),
    end: query<null, []>("COMMIT"),
    conversation: query<ConversationRow, [id: string]>(READS.conversation),
    members: query<StoredMember, [conversationId: string]>(READS.members),
    slowest: query<MemberDelivery, [conversationId: string, limit: number]>(READS.slowest),
    contacts: query<{ userId: string }, [userId: string, limit: number]>(READS.contacts),
    messageById: query<StoredMessage, [id: string]>(READS.messageById),
    messageBySeq: query<{ id: string }, [conversationId: string, seq: number]>(READS.messageBySeq),
    messageByClientId: query<SentMessage, [senderId: string, clientMessageId: string]>(
      READS.messageByClientId,
    ),
    historyBefore: query<StoredMessage, [conversationId: string, before: number, limit: number]>(
      READS.historyBefore,
    ),
    historyAfter: query<
      StoredMessage,
      [conversationId: string, after: number, before: number, limit: number]
    >(READS.historyAfter),
    backlog: query<BacklogHead, [userId: string]>(READS.backlog),
    conversationHeads: query<ConversationHead, [userId: string, limit: number]>(
      READS.conversationHeads,
    ),
    lastMessageId: query<{ id: string }, []>(READS.lastMessageId),
    conversationsAfter: query<NewestMessage & Looked, [RangeParameters & { messageId: string }]>(
      READS.conversationsAfter,
    ),
    unreceived: query<BacklogHead & Looked, [RangeParameters]>(READS.unreceived),
    lastPerSender: query<
      StoredMessage,
      [conversationId: string, same: string, after: number, upto: number, exceptSenderId: string]
    >(READS.lastPerSender),
    conversationList: query<OverviewRow, [ListParameters]>(READS.conversationList),
    conversationOverview: query<OverviewRow, [{ userId: string; id: string }]>(
      READS.conversationOverview,
    ),
    versions: query<MessageVersion, [messageId: string]>(READS.versions),
    reaction: query<{ emoji: string }, [messageId: string, userId: string]>(READS.reaction),
    replies: query<StoredMessage, [messageId: string, afterSeq: number, limit: number]>(
      READS.replies,
    ),
    disappearing: query<StoredMessage, [limit: number]>(READS.disappearing),
    attachments: query<Attachment, [idsJson: string]>(READS.attachments),
    pinned: query<StoredMessage, [conversationId: string, limit: number]>(READS.pinned),
    users: query<StoredUser, [idsJson: string]>(READS.users),
  };
}

export type ChatQueries = ReturnType<typeof prepareChatQueries>;
