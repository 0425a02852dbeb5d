import { ALWAYS_LEADER, type Leadership } from "../chat/leadership.ts";
import { type Clock, systemClock } from "../clock.ts";
import { Deadline } from "../deadline.ts";
import type { AppError } from "../errors.ts";
import type { Log } from "../log.ts";
import { PostgresAttachmentStore } from "./postgres-attachment-store.ts";
import { PostgresBlockStore } from "./postgres-block-store.ts";
import { PostgresChatStore } from "./postgres-chat-store.ts";
import { PostgresDatabase } from "./postgres-database.ts";
import { PostgresErasureStore } from "./postgres-erasure-store.ts";
import { postgresOpeningError } from "./postgres-errors.ts";
import { PostgresInviteStore } from "./postgres-invite-store.ts";
import { PostgresNodeSession } from "./postgres-node-session.ts";
import { PostgresNoticeStore } from "./postgres-notice-store.ts";
import { expectMoved, expectOwnSession, openPostgres } from "./postgres-opening.ts";
import { PostgresQueueStore } from "./postgres-queue-store.ts";
import { PostgresRevocationStore } from "./postgres-revocation-store.ts";
import { PostgresSearch } from "./postgres-search.ts";
import { PostgresServers } from "./postgres-servers.ts";
import { PostgresSharedQueues } from "./postgres-shared-queues.ts";
import { postgresTarget } from "./postgres-url.ts";
import { PostgresUserStore } from "./postgres-user-store.ts";
import { PostgresWebhookStore } from "./postgres-webhook-store.ts";
import { PostgresWrites } from "./postgres-writes.ts";
import type { Storage } from "./storage.ts";

export interface PostgresStorageOptions {
  /** See `postgresTarget`. */
  readonly url: string;
  readonly log?: Log | undefined;
  readonly clock?: Clock;
  /**
   * Who opens it serves it, for itself or together with other nodes: see `PostgresNodeSession`, which
   * is one connection more. Without, nothing is asked and nobody kept away.
   */
  readonly serving?: {
    readonly how: "alone" | "shared";
    readonly onTaken: (error: AppError) => void;
  };
  /** At most so many, of all kinds together; at least 4. */
  readonly connections?: number;
  /** How long a statement may take. */
  readonly statementTimeoutMs?: number;
  /** How long a statement may wait for a lock that another session holds. */
  readonly busyTimeoutMs?: number;
  readonly migrations?: readonly string[];
}

/** What is under way when the storage is closed has so long to be done. */
const FINISH_MS = 10_000;

/**
 * Connects, brings the schema up to date, and logs what it found. Rejects with AppError
 * INVALID_CONFIGURATION when the URL, the account or the database is wrong, a newer Parley wrote the
 * schema, or another one serves it; with STORAGE_UNAVAILABLE when the server cannot be reached, or fails otherwise.
 */
export async function openPostgresStorage(options: PostgresStorageOptions): Promise<Storage> {
  const { log, clock = systemClock, migrations, serving } = options;
  const target = postgresTarget(options.url);
  const servers = new PostgresServers(target, clock);
  const db = new PostgresDatabase({
    ...{ servers, clock, connections: options.connections ?? 10 },
    statementMs: options.statementTimeoutMs ?? 30_000,
    lockMs: options.busyTimeoutMs ?? 5_000,
  });
  let node: PostgresNodeSession | null = null;
  try {
    if (serving !== undefined) {
      const { how, onTaken } = serving;
      node = await PostgresNodeSession.open({ servers, serving: how, clock, log, onTaken });
      await expectOwnSession(db, target, node.pid);
    }
    const { warnings, ...opening } = await openPostgres(db, target, migrations);
    await expectMoved(db, target);
    const server = (await servers.primary()).host.name;
    log?.info({ database: target.name, server, ...opening }, "The database is open");
    for (const warning of warnings) log?.warn({ database: target.name }, warning);
    return postgresStorage(db, node, clock);
  } catch (fault) {
    await Promise.all([node?.close(), db.close()]);
    throw postgresOpeningError(target.name, fault);
  }
}

/**
 * One PostgreSQL for any number of nodes. The commits of each store are done one after the other, and
 * are durable when they resolve.
 */
function postgresStorage(
  db: PostgresDatabase,
  node: PostgresNodeSession | null,
  clock: Clock,
): Storage {
  const leadership: Leadership = node ?? ALWAYS_LEADER;
  const all: PostgresWrites[] = [];
  const writes = () => {
    const own = new PostgresWrites(db);
    all.push(own);
    return own;
  };
  let closed: Promise<void> | undefined;
  const shutDown = async () => {
    // What a server that does not answer has under way is given up with its connections.
    await new Deadline(clock, FINISH_MS).allows(Promise.all(all.map((each) => each.finish())));
    await Promise.all([db.close(), node?.close()]);
  };
  return {
    chat: new PostgresChatStore(db, writes()),
    queues: new PostgresQueueStore(db, writes()),
    sharedQueues: new PostgresSharedQueues(db, writes()),
    revocations: new PostgresRevocationStore(db, writes()),
    blocks: new PostgresBlockStore(db, writes()),
    invites: new PostgresInviteStore(db, writes()),
    search: new PostgresSearch(db),
    users: new PostgresUserStore(db, writes()),
    erasures: new PostgresErasureStore(db, writes()),
    attachments: new PostgresAttachmentStore(db, writes()),
    webhooks: new PostgresWebhookStore(db, writes()),
    notices: new PostgresNoticeStore(db, writes()),
    leadership,
    isReachable: () => node === null || node.pid !== 0,
    close() {
      closed ??= shutDown();
      return closed;
    },
  };
}
