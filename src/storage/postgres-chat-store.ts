import { CommitConflict, type PlaceBehind, type WriteBatch } from "../chat/chat-writes.ts";
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
  StoredMember,
  StoredMessage,
  StoredUser,
} from "../chat/stored-chats.ts";
import { CHAT_READS } from "./postgres-chat-reads.ts";
import { BatchRefused, writeChats } from "./postgres-chat-writes.ts";
import { findConflicts } from "./postgres-conflicts.ts";
import type { Parameter, PostgresDatabase } from "./postgres-database.ts";
import { isUniqueViolation, postgresUnavailable } from "./postgres-errors.ts";
import { messageOf } from "./postgres-message-columns.ts";
import { type OverviewRow, overviewOf } from "./postgres-overviews.ts";
import { probe } from "./postgres-probe.ts";
import { removeExpired } from "./postgres-removals.ts";
import { fromPostgresJson, toPostgresJson } from "./postgres-text.ts";
import { answered, type PostgresWrites } from "./postgres-writes.ts";

interface ConversationRow extends Omit<StoredConversation, "members"> {
  readonly membersJson: string | null;
}

type MemberTuple = [
  userId: string,
  joinedSeq: number,
  deliveredSeq: number,
  readSeq: number,
  role: StoredMember["role"],
];

/** Of a batch in whose way something was that had gone when it was looked for. */
const ATTEMPTS = 3;
/** Before all others. */
const TOP = {
  pinnedMs: Number.MAX_SAFE_INTEGER,
  activeMs: Number.MAX_SAFE_INTEGER,
  id: "",
} as const;

/** Chats in PostgreSQL, where other nodes may write at the same time. */
export class PostgresChatStore implements ChatStore {
  readonly #db: PostgresDatabase;
  readonly #writes: PostgresWrites;

  constructor(db: PostgresDatabase, writes: PostgresWrites) {
    this.#db = db;
    this.#writes = writes;
  }

  commit(batch: WriteBatch, placeBehind?: PlaceBehind): Promise<void> {
    return this.#writes.take(() => this.#commit(batch, placeBehind));
  }

  /**
   * What is taken is found out by writing: the database alone knows, whoever else writes. Which of the
   * messages are to blame is asked afterwards.
   */
  async #commit(batch: WriteBatch, placeBehind: PlaceBehind | undefined): Promise<void> {
    let refusal: unknown;
    let written = batch;
    const placed: typeof placeBehind =
      placeBehind === undefined
        ? undefined
        : (lastSeqs) => {
            written = placeBehind(lastSeqs);
            return written;
          };
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      try {
        await this.#db.write((query) => writeChats(query, written, placed));
        return;
      } catch (fault) {
        refusal = fault;
      }
      if (!(refusal instanceof BatchRefused || isUniqueViolation(refusal))) break;
      const conflicts = await answered(findConflicts(this.#db, written));
      if (conflicts.length > 0) throw new CommitConflict(conflicts, refusal);
    }
    throw postgresUnavailable(NOT_TAKEN, refusal);
  }

  probe(): Promise<void> {
    return this.#writes.take(() => probe(this.#writes));
  }

  removeExpired(portion: ExpiryPortion): Promise<ExpiryProgress> {
    return this.#writes.commit((query) => removeExpired(query, portion));
  }

  async conversation(id: string): Promise<StoredConversation | null> {
    const [row] = await this.#read<ConversationRow>(CHAT_READS.conversation, [id]);
    if (row === undefined) return null;
    const { membersJson, ...conversation } = row;
    const tuples = (membersJson === null ? [] : fromPostgresJson(membersJson)) as MemberTuple[];
    const members = tuples.map(([userId, joinedSeq, deliveredSeq, readSeq, role]) => ({
      ...{ userId, joinedSeq, deliveredSeq, readSeq, role },
    }));
    return { ...conversation, members };
  }

  async messageById(id: string): Promise<StoredMessage | null> {
    const [message] = await this.#messages(CHAT_READS.messageById, [id]);
    return message ?? null;
  }

  async messageByClientId(senderId: string, clientMessageId: string): Promise<SentMessage | null> {
    const parameters = [senderId, clientMessageId];
    const [sent] = await this.#read<SentMessage>(CHAT_READS.messageByClientId, parameters);
    return sent ?? null;
  }

  versions(messageId: string): Promise<MessageVersion[]> {
    return this.#read(CHAT_READS.versions, [messageId]);
  }

  async reactionOf(messageId: string, userId: string): Promise<string | null> {
    const parameters = [messageId, userId];
    const [reaction] = await this.#read<{ emoji: string }>(CHAT_READS.reaction, parameters);
    return reaction?.emoji ?? null;
  }

  replies(messageId: string, afterSeq: number, limit: number): Promise<StoredMessage[]> {
    return this.#messages(CHAT_READS.replies, [messageId, afterSeq, Math.max(limit, 0)]);
  }

  pinned(conversationId: string, limit: number): Promise<StoredMessage[]> {
    return this.#messages(CHAT_READS.pinned, [conversationId, Math.max(limit, 0)]);
  }

  disappearing(limit: number): Promise<StoredMessage[]> {
    return this.#messages(CHAT_READS.disappearing, [Math.max(limit, 0)]);
  }

  async history(query: HistoryQuery): Promise<StoredMessage[]> {
    const { conversationId, afterSeq, beforeSeq = Number.MAX_SAFE_INTEGER } = query;
    const limit = Math.max(query.limit, 0);
    if (afterSeq !== undefined) {
      const bounds = [conversationId, afterSeq, beforeSeq, limit];
      return await this.#messages(CHAT_READS.historyAfter, bounds);
    }
    const bounds = [conversationId, beforeSeq, limit];
    return (await this.#messages(CHAT_READS.historyBefore, bounds)).reverse();
  }

  backlog(userId: string): Promise<BacklogHead[]> {
    return this.#read(CHAT_READS.backlog, [userId]);
  }

  conversationHeads(userId: string, limit: number): Promise<ConversationHead[]> {
    return this.#read(CHAT_READS.conversationHeads, [userId, Math.max(limit, 0)]);
  }

  async lastMessageId(): Promise<string | null> {
    const [last] = await this.#read<{ id: string }>(CHAT_READS.lastMessageId, []);
    return last?.id ?? null;
  }

  async conversationsAfter(
    userId: string,
    messageId: string,
    { after, limit }: ConversationRange,
  ): Promise<FoundHeads<NewestMessage>> {
    const parameters = [userId, after ?? "", limit, messageId];
    const { conversationsAfter } = CHAT_READS;
    return foundIn(await this.#read<NewestMessage & Looked>(conversationsAfter, parameters), limit);
  }

  async unreceived(
    userId: string,
    { after, limit }: ConversationRange,
  ): Promise<FoundHeads<BacklogHead>> {
    const parameters = [userId, after ?? "", limit];
    const { unreceived } = CHAT_READS;
    return foundIn(await this.#read<BacklogHead & Looked>(unreceived, parameters), limit);
  }

  lastMessagePerSender(
    conversationId: string,
    afterSeq: number,
    uptoSeq: number,
    exceptSenderId: string,
  ): Promise<StoredMessage[]> {
    const bounds = [conversationId, afterSeq, uptoSeq, exceptSenderId];
    return this.#messages(CHAT_READS.lastPerSender, bounds);
  }

  async conversationsOf(query: ListQuery): Promise<ConversationOverview[]> {
    const { userId, archived } = query;
    const { pinnedMs, activeMs, id } = query.after ?? TOP;
    const limit = Math.max(query.limit, 0);
    const parameters = [userId, archived, pinnedMs, activeMs, id, limit];
    const rows = await this.#read<OverviewRow>(CHAT_READS.conversationList, parameters);
    return rows.map(overviewOf);
  }

  async conversationOf(userId: string, id: string): Promise<ConversationOverview | null> {
    const parameters = [userId, id];
    const [row] = await this.#read<OverviewRow>(CHAT_READS.conversationOverview, parameters);
    return row === undefined ? null : overviewOf(row);
  }

  slowest(conversationId: string, limit: number): Promise<MemberDelivery[]> {
    return this.#read(CHAT_READS.slowest, [conversationId, Math.max(limit, 0)]);
  }

  async contactsOf(userId: string, limit: number): Promise<string[]> {
    const parameters = [userId, Math.max(limit, 0)];
    const contacts = await this.#read<{ userId: string }>(CHAT_READS.contacts, parameters);
    return contacts.map((contact) => contact.userId);
  }

  users(userIds: readonly string[]): Promise<StoredUser[]> {
    return this.#read(CHAT_READS.users, [toPostgresJson(userIds)]);
  }

  async #messages(sql: string, parameters: readonly Parameter[]): Promise<StoredMessage[]> {
    return (await this.#read<StoredMessage>(sql, parameters)).map(messageOf);
  }

  #read<Row>(sql: string, parameters: readonly Parameter[]): Promise<Row[]> {
    return answered(this.#db.read<Row>(sql, parameters));
  }
}

interface Looked {
  readonly isFound: boolean;
}

function foundIn<Head extends ConversationHead>(
  rows: readonly (Head & Looked)[],
  limit: number,
): FoundHeads<Omit<Head & Looked, "isFound">> {
  const next = rows.length < limit ? null : (rows.at(-1)?.conversationId ?? null);
  const found = rows.filter(({ isFound }) => isFound);
  return { heads: found.map(({ isFound: _, ...head }) => head), next };
}

const NOT_TAKEN = "the store did not take the write; nothing of it was kept";
