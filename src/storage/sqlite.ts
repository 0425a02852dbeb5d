import type { Database } from "bun:sqlite";
import { resolve } from "node:path";
import type { RevocationStore } from "../auth/revocations.ts";
import type { QueueStore } from "../broker/queue-store.ts";
import type { AttachmentStore } from "../chat/attachments.ts";
import type { BlockStore } from "../chat/blocks.ts";
import type { InviteStore } from "../chat/invites.ts";
import { ALWAYS_LEADER } from "../chat/leadership.ts";
import type { ChatStore } from "../chat/ports.ts";
import type { ErasureStore, UserDataStore, UserStore } from "../chat/user-ports.ts";
import { type Clock, systemClock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { WebhookStore } from "../notify/webhook-ports.ts";
import { removeChecksum } from "./backup-checksum.ts";
import { diskFiles, makeFolderOf, statIfThere } from "./file-operations.ts";
import { SqliteAttachmentStore } from "./sqlite-attachment-store.ts";
import { SqliteBlockStore } from "./sqlite-block-store.ts";
import { SqliteChatStore } from "./sqlite-chat-store.ts";
import { ClientIds } from "./sqlite-client-ids.ts";
import { Commits } from "./sqlite-commits.ts";
import { SqliteErasureStore } from "./sqlite-erasure-store.ts";
import { openingError } from "./sqlite-errors.ts";
import { SqliteInviteStore } from "./sqlite-invite-store.ts";
import { removeLeftovers } from "./sqlite-leftovers.ts";
import { type DatabaseLock, lockDatabase } from "./sqlite-lock.ts";
import { MemberNames } from "./sqlite-member-names.ts";
import { SqliteNoticeStore } from "./sqlite-notice-store.ts";
import type { Check } from "./sqlite-opening.ts";
import { logOpening } from "./sqlite-opening-log.ts";
import { SqliteQueueStore } from "./sqlite-queue-store.ts";
import { openReader } from "./sqlite-reader.ts";
import { finishReplacement } from "./sqlite-replacement.ts";
import { SqliteRevocationStore } from "./sqlite-revocation-store.ts";
import { SqliteSearch } from "./sqlite-search.ts";
import { SearchIndexing } from "./sqlite-search-indexing.ts";
import { type DatabaseWorker, startDatabaseWorker } from "./sqlite-thread.ts";
import { SqliteUserStore } from "./sqlite-user-store.ts";
import { SqliteWebhookStore } from "./sqlite-webhook-store.ts";
import { WriterClient } from "./sqlite-writer-client.ts";
import type { Storage } from "./storage.ts";

export interface SqliteStorageOptions {
  /** Of the database's file; it and its folder are made when missing. */
  readonly path: string;
  readonly log?: Log | undefined;
  readonly clock?: Clock;
  /** How long a commit waits for a lock that another program holds on the database. */
  readonly busyTimeoutMs?: number;
  /** When the start verifies the database. */
  readonly check?: Check;
  readonly startWorker?: () => DatabaseWorker;
  readonly startSearcher?: () => DatabaseWorker;
}

/**
 * Takes the sole right to serve the database, finishes what an interrupted restore or backup left,
 * opens the database, recovers and verifies it, brings its schema up to date, and logs what it found
 * and did. Rejects with AppError INVALID_CONFIGURATION when another server holds that right, a newer
 * Parley wrote the database, or the path is no database; with DATABASE_DAMAGED when it is broken;
 * with STORAGE_UNAVAILABLE when the engine fails otherwise.
 */
export async function openSqliteStorage(options: SqliteStorageOptions): Promise<Storage> {
  const {
    log,
    clock = systemClock,
    busyTimeoutMs = 5_000,
    check = "auto",
    startWorker = () => startDatabaseWorker("sqlite-writer"),
    startSearcher = () => startDatabaseWorker("sqlite-searcher"),
  } = options;
  const path = resolve(options.path);
  makeFolderOf(path);
  const lock = lockDatabase(path);
  const writer = new WriterClient({ path, busyTimeoutMs, clock, startWorker, log });
  try {
    const replacement = finishReplacement(diskFiles, path);
    if (replacement !== null) log?.warn({ ...replacement }, "an interrupted restore was finished");
    removeLeftovers(diskFiles, path, log);
    // Of a backup that was copied here by other means than a restore.
    if (statIfThere(path)?.isFile()) removeChecksum(path);
    logOpening(await writer.start(check), log);
    const search = new SqliteSearch({ path, clock, startWorker: startSearcher });
    return new SqliteStorage({ lock, writer, reader: openReader(path), search, clock, log });
  } catch (fault) {
    await writer.close();
    lock.release();
    throw openingError(path, fault);
  }
}

interface Parts {
  readonly lock: DatabaseLock;
  readonly writer: WriterClient;
  readonly reader: Database;
  readonly search: SqliteSearch;
  readonly clock: Clock;
  readonly log: Log | undefined;
}

/**
 * One SQLite file: commits go to a worker, and are on disk when they resolve; reads are answered at
 * once on the calling thread.
 */
class SqliteStorage implements Storage {
  readonly chat: ChatStore;
  readonly queues: QueueStore;
  readonly sharedQueues = null;
  readonly revocations: RevocationStore;
  readonly blocks: BlockStore;
  readonly invites: InviteStore;
  readonly search: SqliteSearch;
  readonly users: UserStore & UserDataStore;
  readonly erasures: ErasureStore;
  readonly attachments: AttachmentStore;
  readonly notices: SqliteNoticeStore;
  readonly webhooks: WebhookStore;
  readonly leadership = ALWAYS_LEADER;
  readonly #lock: DatabaseLock;
  readonly #writer: WriterClient;
  readonly #commits: Commits;
  readonly #reader: Database;
  readonly #clientIds: ClientIds;
  readonly #memberNames: MemberNames;
  readonly #indexing: SearchIndexing;
  #closed: Promise<void> | undefined;

  constructor({ lock, writer, reader, search, clock, log }: Parts) {
    this.#lock = lock;
    this.#writer = writer;
    this.#reader = reader;
    this.#commits = new Commits(writer);
    this.#clientIds = new ClientIds(reader, clock);
    this.#memberNames = new MemberNames(reader, clock);
    this.#indexing = new SearchIndexing(this.#commits, clock, log);
    // Of what the last server left, or one that knew no search.
    this.#indexing.due();
    this.search = search;
    this.chat = new SqliteChatStore({
      ...{ commits: this.#commits, reader, clientIds: this.#clientIds },
      ...{ memberNames: this.#memberNames, onChange: () => this.#indexing.due() },
    });
    this.queues = new SqliteQueueStore(this.#commits, reader);
    this.revocations = new SqliteRevocationStore(this.#commits, reader);
    this.blocks = new SqliteBlockStore(this.#commits, reader);
    this.invites = new SqliteInviteStore(this.#commits, reader);
    this.users = new SqliteUserStore(this.#commits, reader);
    this.erasures = new SqliteErasureStore(this.#commits, reader);
    this.attachments = new SqliteAttachmentStore(this.#commits, reader);
    this.notices = new SqliteNoticeStore(this.#commits, reader);
    this.webhooks = new SqliteWebhookStore(this.#commits, reader);
  }

  isReachable(): boolean {
    return true;
  }

  close(): Promise<void> {
    this.#closed ??= this.#shutDown();
    return this.#closed;
  }

  async #shutDown(): Promise<void> {
    this.#indexing.stop();
    await this.#commits.finish();
    await this.search.close();
    this.#clientIds.stop();
    this.#memberNames.stop();
    // First, so that the writer's connection is the last one and takes the log's files with it.
    this.#reader.close();
    await this.#writer.close();
    this.#lock.release();
  }
}
