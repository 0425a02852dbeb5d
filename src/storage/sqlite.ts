import { mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type {
  BacklogHead,
  ChatStore,
  ConversationOverview,
  HistoryQuery,
  StoredConversation,
  StoredMessage,
  StoredUser,
  WriteBatch,
} from "../chat/ports.ts";
import { type Clock, systemClock } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { Log } from "../log.ts";
import { unavailable } from "./sqlite-errors.ts";
import { type DatabaseLock, lockDatabase } from "./sqlite-lock.ts";
import { SqliteReader } from "./sqlite-reader.ts";
import { WriterClient } from "./sqlite-writer-client.ts";
import { startWriterWorker, WriterEnded, type WriterWorker } from "./sqlite-writer-thread.ts";

export interface SqliteStoreOptions {
  /** Of the database's file; it and its folder are made when missing. */
  readonly path: string;
  readonly log?: Log | undefined;
  readonly clock?: Clock;
  /** How long a commit waits for a lock that another program holds on the database. */
  readonly busyTimeoutMs?: number;
  readonly startWorker?: () => WriterWorker;
}

/**
 * Opens the database, brings its schema up to date and takes the sole right to serve it. Rejects
 * with AppError INVALID_CONFIGURATION when another server holds that right, a newer Parley wrote the
 * database, or the path is no database; with STORAGE_UNAVAILABLE when the engine fails otherwise.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<ChatStore> {
  const {
    log,
    clock = systemClock,
    busyTimeoutMs = 5_000,
    startWorker = startWriterWorker,
  } = options;
  const path = resolve(options.path);
  makeFolder(dirname(path));
  const lock = lockDatabase(path);
  const writer = new WriterClient({ path, busyTimeoutMs, clock, startWorker, log });
  try {
    await writer.start();
    return new SqliteChatStore(lock, writer, new SqliteReader(path));
  } catch (fault) {
    await writer.close();
    lock.release();
    throw fault;
  }
}

/**
 * One SQLite file: commits go to a worker, and are on disk when they resolve; reads are answered at
 * once on the calling thread.
 */
class SqliteChatStore implements ChatStore {
  readonly #lock: DatabaseLock;
  readonly #writer: WriterClient;
  readonly #reader: SqliteReader;
  /** Settled when the commits so far are. Never rejects. */
  #idle: Promise<void> = Promise.resolve();
  #closed: Promise<void> | undefined;

  constructor(lock: DatabaseLock, writer: WriterClient, reader: SqliteReader) {
    this.#lock = lock;
    this.#writer = writer;
    this.#reader = reader;
  }

  commit(batch: WriteBatch): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(unavailable("the store is closed"));
    const done = this.#idle.then(() => this.#write(batch));
    this.#idle = done.catch(() => undefined);
    return done;
  }

  conversation(id: string): StoredConversation | null {
    return this.#reader.conversation(id);
  }

  messageById(id: string): StoredMessage | null {
    return this.#reader.messageById(id);
  }

  messageByClientId(senderId: string, clientMessageId: string): StoredMessage | null {
    return this.#reader.messageByClientId(senderId, clientMessageId);
  }

  history(query: HistoryQuery): StoredMessage[] {
    return this.#reader.history(query);
  }

  backlog(userId: string): BacklogHead[] {
    return this.#reader.backlog(userId);
  }

  lastMessagePerSender(
    conversationId: string,
    afterSeq: number,
    uptoSeq: number,
    exceptSenderId: string,
  ): StoredMessage[] {
    return this.#reader.lastMessagePerSender(conversationId, afterSeq, uptoSeq, exceptSenderId);
  }

  conversationsOf(userId: string, limit: number): ConversationOverview[] {
    return this.#reader.conversationsOf(userId, limit);
  }

  users(userIds: readonly string[]): StoredUser[] {
    return this.#reader.users(userIds);
  }

  close(): Promise<void> {
    this.#closed ??= this.#shutDown();
    return this.#closed;
  }

  async #write(batch: WriteBatch): Promise<void> {
    try {
      await this.#writer.commit(JSON.stringify(batch));
    } catch (fault) {
      if (!(fault instanceof WriterEnded)) throw fault;
      // The writer ended before it answered; the database knows whether after the commit.
      if (!this.#holds(batch)) throw unavailable("the store's writer ended in the commit", fault);
    }
  }

  /**
   * Batches are there wholly or not at all, so one message tells. A batch without messages is safe
   * to write again, and counts as not written.
   */
  #holds({ messages: [first] }: WriteBatch): boolean {
    return first !== undefined && this.#reader.messageById(first.id) !== null;
  }

  async #shutDown(): Promise<void> {
    await this.#idle;
    // First, so that the writer's connection is the last one and takes the log's files with it.
    this.#reader.close();
    await this.#writer.close();
    this.#lock.release();
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    throw new AppError("INVALID_CONFIGURATION", `the folder ${folder} cannot be made`, { cause });
  }
}
