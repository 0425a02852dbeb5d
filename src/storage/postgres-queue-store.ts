import type { QueueBatch, QueueStore, StoredQueueMessage } from "../broker/queue-store.ts";
import type { PostgresDatabase, Query } from "./postgres-database.ts";
import { anyGiven, lookedUp } from "./postgres-given.ts";
import { probe } from "./postgres-probe.ts";
import {
  APPEND_QUEUE_MESSAGES,
  type QueueMessageRow,
  queueMessageColumns,
  queueMessageOf,
  queueRowOf,
} from "./postgres-queue-rows.ts";
import { toPostgresJson } from "./postgres-text.ts";
import { answered, type PostgresWrites } from "./postgres-writes.ts";

/** Rows that are read at a time when all are. */
const PAGE = 1_000;

export const QUEUE_READS = {
  messages: `
    SELECT ${queueMessageColumns("queue_messages")}
    FROM queue_messages WHERE position > $1::bigint ORDER BY queue_messages.position
    LIMIT $2::bigint`,
} as const;

const QUEUE_WRITES = {
  remove: `DELETE FROM queue_messages WHERE id = ${anyGiven("$1")}`,
  append: APPEND_QUEUE_MESSAGES,
  setDeliveries: `
    UPDATE queue_messages SET deliveries = given.deliveries
    FROM json_to_recordset($1::text::json) AS given (id text, deliveries bigint)
    WHERE ${lookedUp("queue_messages.id", "given.id")}`,
} as const;

/** Queue messages in PostgreSQL. Text is kept well-formed: U+FFFD is in the place of lone surrogates. */
export class PostgresQueueStore implements QueueStore {
  readonly #db: PostgresDatabase;
  readonly #writes: PostgresWrites;

  constructor(db: PostgresDatabase, writes: PostgresWrites) {
    this.#db = db;
    this.#writes = writes;
  }

  commit({ removed, appended, redelivered }: QueueBatch): Promise<void> {
    // As the messages are now: what they become later is not of this commit.
    const rows = appended.map(queueRowOf);
    const counts = new Map(redelivered.map(({ id, deliveries }) => [id, deliveries]));
    const deliveries = [...counts].map(([id, count]) => ({ id, deliveries: count }));
    return this.#writes.commit(async (query: Query) => {
      const asked: Promise<unknown>[] = [];
      const write = (sql: string, list: readonly unknown[]) => {
        if (list.length > 0) asked.push(query(sql, [toPostgresJson(list)]));
      };
      write(QUEUE_WRITES.remove, removed);
      write(QUEUE_WRITES.append, rows);
      write(QUEUE_WRITES.setDeliveries, deliveries);
      await Promise.all(asked);
    });
  }

  probe(): Promise<void> {
    return this.#writes.take(() => probe(this.#writes));
  }

  async messages(): Promise<StoredQueueMessage[]> {
    const messages: StoredQueueMessage[] = [];
    for (let after = 0; ; ) {
      const rows = await answered(
        this.#db.read<QueueMessageRow>(QUEUE_READS.messages, [after, PAGE]),
      );
      for (const row of rows) messages.push(queueMessageOf(row));
      const last = rows.at(-1);
      if (last === undefined || rows.length < PAGE) return messages;
      after = last.position;
    }
  }
}
