/**
 * The worker that alone writes to the database, so that no commit's wait for the disk is one of the
 * server. An entry point of its own, also of the compiled binary. It answers each request with one
 * reply, in order.
 */
import type { Database } from "bun:sqlite";
import { toAppError } from "../errors.ts";
import { ChatWrites } from "./sqlite-chat-writes.ts";
import { type Failure, toFailure, unavailable } from "./sqlite-errors.ts";
import { type OpeningOptions, type OpeningReport, openDatabase } from "./sqlite-opening.ts";
import { QueueWrites } from "./sqlite-queue-writes.ts";
import { Transactions } from "./sqlite-transactions.ts";

export type StoreName = "chat" | "queues";

export type WriterRequest =
  | ({ readonly kind: "open" } & OpeningOptions)
  /** The batch as JSON: one string is what crosses threads cheapest. */
  | { readonly kind: "commit"; readonly store: StoreName; readonly batch: string }
  | { readonly kind: "close" };

/** `null`: done. */
export type WriterReply = WriterAnswer | { readonly failure: Failure };

/** `null` to all requests but `open`. */
export type WriterAnswer = { readonly opening: OpeningReport } | null;

function serve(): (request: WriterRequest) => WriterAnswer {
  let db: Database | undefined;
  let write: BatchWriter | undefined;

  return (request) => {
    switch (request.kind) {
      case "open": {
        const opened = openDatabase(request);
        db = opened.db;
        write = batchWriter(db);
        return { opening: opened.report };
      }
      case "commit":
        if (write === undefined) throw unavailable("the database is not open");
        try {
          write(request.store, request.batch);
        } catch (fault) {
          throw unavailable("the store did not take the write; nothing of it was kept", fault);
        }
        return null;
      case "close":
        if (db === undefined) return null;
        db.run("PRAGMA wal_checkpoint(TRUNCATE)");
        db.close();
        return null;
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

const handle = serve();

function replyTo(request: WriterRequest): WriterReply {
  try {
    return handle(request);
  } catch (fault) {
    return { failure: toFailure(toAppError(fault)) };
  }
}

addEventListener("message", ({ data }: MessageEvent<WriterRequest>) => {
  postMessage(replyTo(data));
});
