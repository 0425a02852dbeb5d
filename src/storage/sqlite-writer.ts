/**
 * The worker that alone writes to the database, so that no commit's wait for the disk is one of the
 * server. An entry point of its own, also of the compiled binary. It answers each request with one
 * reply, in order.
 */
import type { Database } from "bun:sqlite";
import type { ExpiryPortion, ExpiryProgress } from "../chat/ports.ts";
import { toAppError } from "../errors.ts";
import { AttachmentWrites } from "./sqlite-attachment-writes.ts";
import { BlockWrites } from "./sqlite-block-writes.ts";
import { ChatWrites } from "./sqlite-chat-writes.ts";
import { ErasureWrites } from "./sqlite-erasure-writes.ts";
import { unavailable } from "./sqlite-errors.ts";
import { InviteWrites } from "./sqlite-invite-writes.ts";
import { NoticeWrites } from "./sqlite-notice-writes.ts";
import { type OpeningOptions, type OpeningReport, openDatabase } from "./sqlite-opening.ts";
import { QueueWrites } from "./sqlite-queue-writes.ts";
import { Removals } from "./sqlite-removals.ts";
import { RevocationWrites } from "./sqlite-revocation-writes.ts";
import { SearchWrites } from "./sqlite-search-writes.ts";
import { answerRequests } from "./sqlite-thread.ts";
import { Transactions } from "./sqlite-transactions.ts";
import { UserWrites } from "./sqlite-user-writes.ts";
import { WebhookWrites } from "./sqlite-webhook-writes.ts";

export type StoreName =
  | "chat"
  | "queues"
  | "revocations"
  | "blocks"
  | "invites"
  | "users"
  | "erasures"
  | "attachments"
  | "notices"
  | "webhooks";

export type WriterRequest =
  | ({ readonly kind: "open" } & OpeningOptions)
  | WriteRequest
  | { readonly kind: "close" };

export type WriteRequest =
  /**
   * The batch as JSON: one string is what crosses threads cheapest. Where it is not synced, a power
   * cut may undo it.
   */
  | {
      readonly kind: "commit";
      readonly store: StoreName;
      readonly batch: string;
      readonly isSynced: boolean;
    }
  | { readonly kind: "remove-expired"; readonly portion: ExpiryPortion }
  /** Makes some of what was committed known to search. */
  | { readonly kind: "index" }
  /** Writes and removes something of no consequence. */
  | { readonly kind: "probe" };

/** What `open`, `remove-expired` and `index` tell; null to all other requests. */
export type WriterAnswer =
  | { readonly opening: OpeningReport }
  | { readonly expiry: ExpiryProgress }
  | { readonly hasMore: boolean }
  | null;

/** As much as a message of the largest size that is taken by default. */
const PROBE_BYTES = 128 * 1024;

function serve(): (request: WriterRequest) => WriterAnswer {
  let db: Database | undefined;
  let writes: Writes | undefined;

  return (request) => {
    switch (request.kind) {
      case "open": {
        const opened = openDatabase(request);
        db = opened.db;
        writes = new Writes(db);
        return { opening: opened.report };
      }
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
  readonly #stores;
  readonly #removals: Removals;
  readonly #search: SearchWrites;
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
    this.#transactions = new Transactions(db);
    this.#stores = {
      chat: new ChatWrites(db),
      queues: new QueueWrites(db),
      revocations: new RevocationWrites(db),
      blocks: new BlockWrites(db),
      invites: new InviteWrites(db),
      users: new UserWrites(db),
      erasures: new ErasureWrites(db),
      attachments: new AttachmentWrites(db),
      notices: new NoticeWrites(db),
      webhooks: new WebhookWrites(db),
    };
    this.#removals = new Removals(db);
    this.#search = new SearchWrites(db);
    this.#transactions.run(() => this.#search.open());
  }

  /** Throws the engine's error when nothing was written. */
  apply(request: WriteRequest): WriterAnswer {
    switch (request.kind) {
      case "commit": {
        const batch = JSON.parse(request.batch);
        const apply = () => this.#stores[request.store].apply(batch);
        if (request.isSynced) this.#transactions.run(apply);
        else this.#transactions.runUnsynced(apply);
        return null;
      }
      case "remove-expired":
        return {
          expiry: this.#transactions.run(() => this.#removals.apply(request.portion)),
        };
      case "index":
        return { hasMore: this.#transactions.run(() => this.#search.apply()) };
      case "probe":
        this.#transactions.run(() =>
          this.#db.run("INSERT INTO probes (content) VALUES (zeroblob(?))", [PROBE_BYTES]),
        );
        this.#transactions.run(() => this.#db.run("DELETE FROM probes"));
        return null;
    }
  }
}

answerRequests(serve(), toAppError);
