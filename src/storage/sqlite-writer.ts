/**
 * The worker that alone writes to the database, so that no commit's wait for the disk is one of the
 * server. An entry point of its own, also of the compiled binary. It answers each request with one
 * reply, in order.
 */
import { Database } from "bun:sqlite";
import { AppError, toAppError } from "../errors.ts";
import { migrate } from "./migrations.ts";
import { ChatWrites } from "./sqlite-chat-writes.ts";
import { type Failure, openingError, toFailure, unavailable } from "./sqlite-errors.ts";
import { QueueWrites } from "./sqlite-queue-writes.ts";
import { Transactions } from "./sqlite-transactions.ts";

export type StoreName = "chat" | "queues";

export type WriterRequest =
  | { readonly kind: "open"; readonly path: string; readonly busyTimeoutMs: number }
  /** The batch as JSON: one string is what crosses threads cheapest. */
  | { readonly kind: "commit"; readonly store: StoreName; readonly batch: string }
  | { readonly kind: "close" };

/** `null`: done. */
export type WriterReply = Failure | null;

function serve(): (request: WriterRequest) => void {
  let db: Database | undefined;
  let write: BatchWriter | undefined;

  return (request) => {
    switch (request.kind) {
      case "open":
        db = open(request.path, request.busyTimeoutMs);
        write = batchWriter(db);
        return;
      case "commit":
        if (write === undefined) throw unavailable("the database is not open");
        try {
          write(request.store, request.batch);
        } catch (fault) {
          throw unavailable("the store did not take the write; nothing of it was kept", fault);
        }
        return;
      case "close":
        if (db === undefined) return;
        db.run("PRAGMA wal_checkpoint(TRUNCATE)");
        db.close();
    }
  };
}

/** Each batch is a transaction. Throws when nothing of it was written. */
type BatchWriter = (store: StoreName, batchJson: string) => void;

function batchWriter(db: Database): BatchWriter {
  const transactions = new Transactions(db);
  const writes = { chat: new ChatWrites(db), queues: new QueueWrites(db) };
  return (store, batchJson) => {
    const batch = JSON.parse(batchJson);
    transactions.run(() => writes[store].apply(batch));
  };
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
  let reply: WriterReply = null;
  try {
    handle(data);
  } catch (fault) {
    reply = toFailure(toAppError(fault));
  }
  postMessage(reply);
});
