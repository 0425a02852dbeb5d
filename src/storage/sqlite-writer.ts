/**
 * The worker that alone writes to the database, so that no commit's wait for the disk is one of the
 * server. An entry point of its own, also of the compiled binary. It answers each request with one
 * reply, in order.
 */
import { Database } from "bun:sqlite";
import type { ExpiryPortion, ExpiryProgress } from "../chat/ports.ts";
import { AppError, toAppError } from "../errors.ts";
import { migrate } from "./migrations.ts";
import { ChatWrites } from "./sqlite-chat-writes.ts";
import { type Failure, openingError, toFailure, unavailable } from "./sqlite-errors.ts";
import { QueueWrites } from "./sqlite-queue-writes.ts";
import { Removals } from "./sqlite-removals.ts";
import { Transactions } from "./sqlite-transactions.ts";

export type StoreName = "chat" | "queues";

export type WriterRequest =
  | { readonly kind: "open"; readonly path: string; readonly busyTimeoutMs: number }
  | WriteRequest
  | { readonly kind: "close" };

export type WriteRequest =
  /** The batch as JSON: one string is what crosses threads cheapest. */
  | { readonly kind: "commit"; readonly store: StoreName; readonly batch: string }
  | { readonly kind: "remove-expired"; readonly portion: ExpiryPortion }
  /** Writes and removes something of no consequence. */
  | { readonly kind: "probe" };

/** `expiry` is what became of a `remove-expired`, and null for the other requests. */
export type WriterReply =
  | { readonly failure: Failure }
  | { readonly failure: null; readonly expiry: ExpiryProgress | null };

/** As much as a message of the largest size that is taken by default. */
const PROBE_BYTES = 128 * 1024;

function serve(): (request: WriterRequest) => ExpiryProgress | null {
  let db: Database | undefined;
  let writes: Writes | undefined;

  return (request) => {
    switch (request.kind) {
      case "open":
        db = open(request.path, request.busyTimeoutMs);
        writes = new Writes(db);
        return null;
      case "close":
        if (db === undefined) return null;
        db.run("PRAGMA wal_checkpoint(TRUNCATE)");
        db.close();
        return null;
      default:
        if (writes === undefined) throw unavailable("the database is not open");
        try {
          return writes.apply(request);
        } catch (fault) {
          throw unavailable("the store did not take the write; nothing of it was kept", fault);
        }
    }
  };
}

/** Each write is a transaction, but for the probe's two. */
class Writes {
  readonly #transactions: Transactions;
  readonly #stores: { readonly chat: ChatWrites; readonly queues: QueueWrites };
  readonly #removals: Removals;
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
    this.#transactions = new Transactions(db);
    this.#stores = { chat: new ChatWrites(db), queues: new QueueWrites(db) };
    this.#removals = new Removals(db);
  }

  /** Throws the engine's error when nothing was written. */
  apply(request: WriteRequest): ExpiryProgress | null {
    switch (request.kind) {
      case "commit": {
        const batch = JSON.parse(request.batch);
        this.#transactions.run(() => this.#stores[request.store].apply(batch));
        return null;
      }
      case "remove-expired":
        return this.#transactions.run(() => this.#removals.apply(request.portion));
      case "probe":
        this.#transactions.run(() =>
          this.#db.run("INSERT INTO probes (content) VALUES (zeroblob(?))", [PROBE_BYTES]),
        );
        this.#transactions.run(() => this.#db.run("DELETE FROM probes"));
        return null;
    }
  }
}

function open(path: string, busyTimeoutMs: number): Database {
  try {
    const db = new Database(path, { create: true, readwrite: true });
    db.run(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
    expectWal(db);
    db.run("PRAGMA synchronous = FULL");
    db.run("PRAGMA foreign_keys = ON");
    // After a burst, the log is cut back to this size at the next checkpoint.
    db.run(`PRAGMA journal_size_limit = ${64 * 1024 * 1024}`);
    db.run("PRAGMA cache_size = -16384");
    // 16 MB: clients' message ids are random, so that busy batches touch many pages of their index.
    db.run("PRAGMA wal_autocheckpoint = 4000");
    migrate(db);
    return db;
  } catch (fault) {
    throw openingError(path, fault);
  }
}

function expectWal(db: Database): void {
  const row = db.query<{ journal_mode: string }, []>("PRAGMA journal_mode = WAL").get();
  if (row?.journal_mode === "wal") return;
  throw new AppError(
    "INVALID_CONFIGURATION",
    "the database cannot use a write-ahead log: its folder must be on a local disk",
  );
}

const handle = serve();

addEventListener("message", ({ data }: MessageEvent<WriterRequest>) => {
  let reply: WriterReply;
  try {
    reply = { failure: null, expiry: handle(data) };
  } catch (fault) {
    reply = { failure: toFailure(toAppError(fault)) };
  }
  postMessage(reply);
});
