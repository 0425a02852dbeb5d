import type { Erasure, ErasureStore } from "../chat/user-ports.ts";
import type { Parameter, PostgresDatabase } from "./postgres-database.ts";
import { beginErasure, erasePortion, finishErasure, markTold } from "./postgres-erasure-writes.ts";
import { answered, type PostgresWrites } from "./postgres-writes.ts";

const ERASURE = `
  user_id AS "userId",
  requested_ms::float8 AS "requestedMs",
  keeps_messages AS "keepsMessages",
  done_ms::float8 AS "doneMs",
  erased_messages::float8 AS "erasedMessages"`;

export const ERASURE_READS = {
  one: `SELECT ${ERASURE} FROM erasures WHERE user_id = $1`,

  underWay: `SELECT ${ERASURE} FROM erasures WHERE done_ms IS NULL ORDER BY requested_ms`,

  untold: `
    SELECT conversation_id AS "conversationId" FROM erasures_untold
    WHERE user_id = $1 ORDER BY conversation_id LIMIT $2::bigint`,
} as const;

/** Erasures in PostgreSQL. */
export class PostgresErasureStore implements ErasureStore {
  readonly #db: PostgresDatabase;
  readonly #writes: PostgresWrites;

  constructor(db: PostgresDatabase, writes: PostgresWrites) {
    this.#db = db;
    this.#writes = writes;
  }

  begin(erasure: Pick<Erasure, "userId" | "requestedMs" | "keepsMessages">): Promise<void> {
    return this.#writes.commit((query) => beginErasure(query, erasure));
  }

  async erasure(userId: string): Promise<Erasure | null> {
    const [erasure] = await this.#read<Erasure>(ERASURE_READS.one, [userId]);
    return erasure ?? null;
  }

  underWay(): Promise<Erasure[]> {
    return this.#read(ERASURE_READS.underWay);
  }

  erasePortion(userId: string, limit: number): Promise<boolean> {
    return this.#writes.commit((query) => erasePortion(query, userId, limit));
  }

  async untold(userId: string, limit: number): Promise<string[]> {
    const parameters = [userId, Math.max(limit, 0)];
    const rows = await this.#read<{ conversationId: string }>(ERASURE_READS.untold, parameters);
    return rows.map(({ conversationId }) => conversationId);
  }

  told(userId: string, conversationIds: readonly string[]): Promise<void> {
    return this.#writes.commit((query) => markTold(query, userId, conversationIds));
  }

  finish(erasure: Pick<Erasure, "userId" | "keepsMessages">, doneMs: number): Promise<void> {
    return this.#writes.commit((query) => finishErasure(query, erasure, doneMs));
  }

  #read<Row>(sql: string, parameters: readonly Parameter[] = []): Promise<Row[]> {
    return answered(this.#db.read<Row>(sql, parameters));
  }
}
