import type { Database } from "bun:sqlite";
import type { WriteBatch } from "../chat/chat-writes.ts";
import type {
  ChatStore,
  ConversationRange,
  ExpiryPortion,
  ExpiryProgress,
  FoundHeads,
  HistoryQuery,
  ListQuery,
} from "../chat/ports.ts";
import type {
  BacklogHead,
  ConversationHead,
  ConversationOverview,
  MemberDelivery,
  MessageVersion,
  NewestMessage,
  SentMessage,
  StoredConversation,
  StoredMessage,
  StoredUser,
} from "../chat/stored-chats.ts";
import { AppError } from "../errors.ts";
import { blamed, holds } from "./sqlite-batch-outcome.ts";
import { type ChatQueries, type Looked, prepareChatQueries } from "./sqlite-chat-queries.ts";
import type { ClientIds } from "./sqlite-client-ids.ts";
import type { Commits } from "./sqlite-commits.ts";
import { isConstraint } from "./sqlite-errors.ts";
import type { MemberNames } from "./sqlite-member-names.ts";
import { overviewOf } from "./sqlite-overview-rows.ts";
import { answer } from "./sqlite-reader.ts";

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
  readonly #reads: ChatQueries;
  readonly #clientIds: ClientIds;
  readonly #memberNames: MemberNames;
  readonly #onChange: () => void;

  constructor(options: SqliteChatStoreOptions) {
    this.#commits = options.commits;
    this.#clientIds = options.clientIds;
    this.#memberNames = options.memberNames;
    this.#onChange = options.onChange;
    this.#reads = prepareChatQueries(options.reader);
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
        () => holds(batch, this),
      );
    } catch (fault) {
      if (!(fault instanceof AppError) || !isConstraint(fault)) throw fault;
      throw this.#snapshot(() => blamed(batch, fault, this.#reads));
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

function wellFormed(text: string): string {
  return text.toWellFormed();
}
