import type { Database } from "bun:sqlite";
import type { Body } from "../stomp/frame.ts";
import { type PackedQueueBatch, unpackBody } from "./sqlite-queue-batch.ts";

/** What a batch of queue messages writes. Transactions are the caller's. */
export class QueueWrites {
  readonly #statements: ReturnType<typeof prepare>;

  /** The database must be migrated. */
  constructor(db: Database) {
    this.#statements = prepare(db);
  }

  /** Throws the engine's error, and may then have written some of it. */
  apply({ removed, appended, redelivered }: PackedQueueBatch): void {
    const { remove, append, setDeliveries } = this.#statements;
    for (const id of removed) remove.run(id);
    for (const { id, queue, headers, body, expiresMs, deliveries } of appended) {
      append.run(id, queue, JSON.stringify(headers), unpackBody(body), expiresMs, deliveries);
    }
    for (const { id, deliveries } of redelivered) setDeliveries.run(deliveries, id);
  }
}

type NewMessageRow = [
  id: string,
  queue: string,
  headersJson: string,
  body: Body,
  expiresMs: number | null,
  deliveries: number,
];

function prepare(db: Database) {
  return {
    remove: db.query<null, [id: string]>("DELETE FROM queue_messages WHERE id = ?"),
    append: db.query<null, NewMessageRow>(
      `INSERT INTO queue_messages (id, queue, headers, body, expires_ms, deliveries)
       VALUES (?, ?, ?, ?, ?, ?)`,
    ),
    setDeliveries: db.query<null, [deliveries: number, id: string]>(
      "UPDATE queue_messages SET deliveries = ? WHERE id = ?",
    ),
  };
}
