import type { Database, SQLQueryBindings } from "bun:sqlite";
import type { Attachment } from "../chat/attachments.ts";
import {
  type BacklogHead,
  type ChatStore,
  CommitConflict,
  type ConversationHead,
  type ConversationKind,
  type ConversationOverview,
  type ConversationProfile,
  type ConversationRange,
  type ExpiryPortion,
  type ExpiryProgress,
  type FoundHeads,
  type HistoryQuery,
  type ListQuery,
  type MemberDelivery,
  type MemberKey,
  type MessageVersion,
  type NewestMessage,
  type RoleWrite,
  type SentMessage,
  type StoredConversation,
  type StoredMember,
  type StoredMessage,
  type StoredUser,
  type WriteBatch,
} from "../chat/ports.ts";
import { AppError } from "../errors.ts";
import { conflictsOf, isFree, type Taken } from "./conflicts.ts";
import type { ClientIds } from "./sqlite-client-ids.ts";
import type { Commits } from "./sqlite-commits.ts";
import { isConstraint } from "./sqlite-errors.ts";
import type { MemberNames } from "./sqlite-member-names.ts";
import { answer } from "./sqlite-reader.ts";
import { READS } from "./sqlite-reads.ts";

interface ConversationRow extends ConversationProfile {
  readonly id: string;
  readonly kind: ConversationKind;
  readonly createdMs: number;
  readonly lastSeq: number;
}

/** An overview with its last message's columns beside it, which are null where there is none. */
interface OverviewRow
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

type RangeParameters = {
  readonly userId: string;
  readonly after: string;
  readonly limit: number;
};

/** A conversation that was looked at. */
interface Looked {
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

/** Before all others. */
const TOP = {
  pinnedMs: Number.MAX_SAFE_INTEGER,
  activeMs: Number.MAX_SAFE_INTEGER,
  id: "",
} as const;

export interface SqliteChatStoreOptions {
  readonly commits: Commits;
  readonly reader: Database;
  readonly clientIds: ClientIds;
  readonly memberNames: MemberNames;
  /** Messages were committed, or changed. */
  readonly onChange: () => void;
}

/**
 * Chats in an SQLite database: commits go to its writer, and are on disk when they resolve; reads
 * are answered at once, over `reader`.
 */
export class SqliteChatStore implements ChatStore {
  readonly #commits: Commits;
  readonly #reads: ReturnType<typeof prepare>;
  readonly #clientIds: ClientIds;
  readonly #memberNames: MemberNames;
  readonly #onChange: () => void;

  constructor(options: SqliteChatStoreOptions) {
    this.#commits = options.commits;
    this.#clientIds = options.clientIds;
    this.#memberNames = options.memberNames;
    this.#onChange = options.onChange;
    this.#reads = prepare(options.reader);
  }

  async commit(batch: WriteBatch): Promise<void> {
    for (const { senderId, clientMessageId } of batch.messages) {
      if (clientMessageId !== null) this.#clientIds.add(senderId, clientMessageId);
    }
    this.#memberNames.addAll(batch);
    try {
      await this.#commits.commit(
        "chat",
        () => JSON.stringify(batch),
        () => this.#holds(batch),
      );
    } catch (fault) {
      throw fault instanceof AppError && isConstraint(fault) ? this.#blamed(batch, fault) : fault;
    }
    if (batch.messages.length + batch.messageChanges.length > 0) this.#onChange();
  }

  probe(): Promise<void> {
    return this.#commits.probe();
  }

  removeExpired(portion: ExpiryPortion): Promise<ExpiryProgress> {
    return this.#commits.removeExpired(portion);
  }

  conversation(id: string): StoredConversation | null {
    return this.#snapshot(() => {
      const row = this.#reads.conversation.get(id);
      return row === null ? null : { ...row, members: this.#reads.members.all(id) };
    });
  }

  messageById(id: string): StoredMessage | null {
    return answer(() => this.#reads.messageById.get(id));
  }

  messageByClientId(senderId: string, clientMessageId: string): SentMessage | null {
    if (this.#clientIds.surelyNew(senderId, clientMessageId)) return null;
    return answer(() => this.#reads.messageByClientId.get(senderId, clientMessageId));
  }

  versions(messageId: string): MessageVersion[] {
    return answer(() => this.#reads.versions.all(messageId));
  }

  reactionOf(messageId: string, userId: string): string | null {
    return answer(() => this.#reads.reaction.get(messageId, userId)?.emoji ?? null);
  }

  replies(messageId: string, afterSeq: number, limit: number): StoredMessage[] {
    return answer(() => this.#reads.replies.all(messageId, afterSeq, Math.max(limit, 0)));
  }

  pinned(conversationId: string, limit: number): StoredMessage[] {
    return answer(() => this.#reads.pinned.all(conversationId, Math.max(limit, 0)));
  }

  disappearing(limit: number): StoredMessage[] {
    return answer(() => this.#reads.disappearing.all(Math.max(limit, 0)));
  }

  history({ conversationId, afterSeq, beforeSeq, limit }: HistoryQuery): StoredMessage[] {
    const before = beforeSeq ?? Number.MAX_SAFE_INTEGER;
    // A negative LIMIT means none to SQLite.
    const count = Math.max(limit, 0);
    return answer(() =>
      afterSeq === undefined
        ? this.#reads.historyBefore.all(conversationId, before, count).reverse()
        : this.#reads.historyAfter.all(conversationId, afterSeq, before, count),
    );
  }

  backlog(userId: string): BacklogHead[] {
    if (this.#memberNames.surelyNone(userId)) return [];
    return answer(() => this.#reads.backlog.all(userId));
  }

  conversationHeads(userId: string, limit: number): ConversationHead[] {
    return answer(() => this.#reads.conversationHeads.all(userId, Math.max(limit, 0)));
  }

  lastMessageId(): string | null {
    return answer(() => this.#reads.lastMessageId.get()?.id ?? null);
  }

  conversationsAfter(
    userId: string,
    messageId: string,
    range: ConversationRange,
  ): FoundHeads<NewestMessage> {
    const { after, limit } = range;
    const rows = answer(() =>
      this.#reads.conversationsAfter.all({ userId, messageId, after: after ?? "", limit }),
    );
    return foundIn(rows, limit, ({ conversationId, lastSeq, messageId: id }) => ({
      ...{ conversationId, lastSeq, messageId: id },
    }));
  }

  unreceived(userId: string, { after, limit }: ConversationRange): FoundHeads<BacklogHead> {
    if (this.#memberNames.surelyNone(userId)) return { heads: [], next: null };
    const rows = answer(() => this.#reads.unreceived.all({ userId, after: after ?? "", limit }));
    return foundIn(rows, limit, ({ conversationId, deliveredSeq, lastSeq }) => ({
      ...{ conversationId, deliveredSeq, lastSeq },
    }));
  }

  lastMessagePerSender(
    conversationId: string,
    afterSeq: number,
    uptoSeq: number,
    exceptSenderId: string,
  ): StoredMessage[] {
    return answer(() =>
      this.#reads.lastPerSender.all(
        conversationId,
        conversationId,
        afterSeq,
        uptoSeq,
        exceptSenderId,
      ),
    );
  }

  conversationsOf({ userId, archived, after, limit }: ListQuery): ConversationOverview[] {
    return answer(() =>
      this.#reads.conversationList
        .all({
          ...{ userId, archived: archived ? 1 : 0, limit: Math.max(limit, 0) },
          ...(after ?? TOP),
        })
        .map(overviewOf),
    );
  }

  conversationOf(userId: string, id: string): ConversationOverview | null {
    return answer(() => {
      const row = this.#reads.conversationOverview.get({ userId, id });
      return row && overviewOf(row);
    });
  }

  slowest(conversationId: string, limit: number): MemberDelivery[] {
    return answer(() => this.#reads.slowest.all(conversationId, Math.max(limit, 0)));
  }

  contactsOf(userId: string, limit: number): string[] {
    return answer(() =>
      this.#reads.contacts.all(userId, Math.max(limit, 0)).map((contact) => contact.userId),
    );
  }

  users(userIds: readonly string[]): StoredUser[] {
    // Well-formed, as a string is when it is bound by itself.
    return answer(() => this.#reads.users.all(JSON.stringify(userIds.map(wellFormed))));
  }

  /**
   * Batches are there wholly or not at all, so one message tells, or else another change. A batch
   * without any is safe to write again, and counts as not written.
   */
  #holds(batch: WriteBatch): boolean {
    const { messages, conversations, addedMembers, removedMembers, roles, profiles } = batch;
    const [message] = messages;
    if (message !== undefined) return this.messageById(message.id) !== null;
    const [added] = addedMembers;
    if (added !== undefined) return this.#joinedSeqOf(added) === added.joinedSeq;
    const [removed] = removedMembers;
    if (removed !== undefined) return this.#joinedSeqOf(removed) === null;
    const [role] = roles;
    if (role !== undefined) return this.#roleOf(role) === role.role;
    const [profile] = profiles;
    const [created] = conversations;
    if (profile === undefined) {
      return created !== undefined && this.conversation(created.id) !== null;
    }
    const there = this.conversation(profile.conversationId);
    const { title, picture, disappearAfterSeconds } = profile;
    return (
      there?.title === title &&
      there.picture === picture &&
      there.disappearAfterSeconds === disappearAfterSeconds
    );
  }

  #roleOf({ conversationId, userId }: MemberKey): RoleWrite["role"] | null {
    const members = this.conversation(conversationId)?.members ?? [];
    return members.find((member) => member.userId === userId)?.role ?? null;
  }

  #joinedSeqOf({ conversationId, userId }: MemberKey): number | null {
    const members = this.conversation(conversationId)?.members ?? [];
    return members.find((member) => member.userId === userId)?.joinedSeq ?? null;
  }

  /** The engine names the first constraint that was broken; here are all messages that break one. */
  #blamed(batch: WriteBatch, refusal: AppError): AppError {
    const taken: Taken = {
      hasConversation: (id) => this.#reads.conversation.get(id) !== null,
      hasId: (id) => this.#reads.messageById.get(id) !== null,
      hasSeq: (conversationId, seq) => this.#reads.messageBySeq.get(conversationId, seq) !== null,
      sent: (senderId, clientMessageId) =>
        this.#reads.messageByClientId.get(senderId, clientMessageId),
      hasAttachments: (ids, senderId) => {
        const rows = this.#reads.attachments.all(JSON.stringify(ids));
        return rows.length === ids.length && rows.every((row) => isFree(row, senderId));
      },
    };
    const conflicts = this.#snapshot(() => conflictsOf(batch, taken));
    return conflicts.length === 0 ? refusal : new CommitConflict(conflicts, refusal.cause);
  }

  /** What `read` sees is one commit's state, though it asks more than once. */
  #snapshot<T>(read: () => T): T {
    return answer(() => {
      this.#reads.begin.run();
      try {
        return read();
      } finally {
        this.#reads.end.run();
      }
    });
  }
}

function foundIn<Row extends ConversationHead & Looked, Head extends ConversationHead>(
  rows: readonly Row[],
  limit: number,
  headOf: (row: Row) => Head,
): FoundHeads<Head> {
  const next = rows.length < limit ? null : (rows.at(-1)?.conversationId ?? null);
  return { heads: rows.filter(({ isFound }) => isFound === 1).map(headOf), next };
}

function overviewOf(row: OverviewRow): ConversationOverview {
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

function wellFormed(text: string): string {
  return text.toWellFormed();
}

function prepare(db: Database) {
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
