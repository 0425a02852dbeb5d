import type { StoredQueueMessage } from "../broker/queue-store.ts";
import {
  ClaimsLost,
  type LeaseId,
  type QueueCount,
  type SharedQueueBatch,
  type SharedQueueChanges,
  type SharedQueueStore,
} from "../broker/shared-queue-store.ts";
import type { Parameter, PostgresDatabase, Query } from "./postgres-database.ts";
import { anyGiven, anyOf, given, lookedUp } from "./postgres-given.ts";
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

const UNCLAIMED = "claim = NULL, claim_run = NULL";

export const SHARED_QUEUE_STATEMENTS = {
  enter: `
    INSERT INTO queue_leases (expires)
    VALUES (clock_timestamp() + $1::bigint * interval '1 millisecond') RETURNING id::text AS id`,
  renew: `
    UPDATE queue_leases SET expires = clock_timestamp() + $2::bigint * interval '1 millisecond'
    WHERE id = $1::bigint RETURNING id::text AS id`,
  end: `DELETE FROM queue_leases WHERE id = $1::bigint RETURNING id::text AS id`,
  // One that is in a commit just now lives.
  endExpired: `
    DELETE FROM queue_leases WHERE id IN (
      SELECT id FROM queue_leases WHERE expires < clock_timestamp() FOR UPDATE SKIP LOCKED
    ) RETURNING id::text AS id`,
  releaseLeft: `
    UPDATE queue_messages SET ${UNCLAIMED}, deliveries = greatest(deliveries, 1)
    WHERE claim = ${anyOf(`SELECT id::bigint FROM (${given("$1")}) AS ended (id)`)} RETURNING queue`,
  releaseExpired: `
    UPDATE queue_messages SET ${UNCLAIMED}, deliveries = deliveries + 1
    WHERE claim = ${anyOf(`SELECT id::bigint FROM (${given("$1")}) AS ended (id)`)} RETURNING queue`,

  // Nobody ends the lease before the commit; it may be renewed. Of a queue that grew fast the database
  // believes that it is short, and would rather sort it as a whole than read its first messages.
  hold: `
    SELECT id, set_config('enable_sort', 'off', true) FROM queue_leases
    WHERE id = $1::bigint FOR KEY SHARE`,
  undo: `
    UPDATE queue_messages SET ${UNCLAIMED}
    WHERE claim = $1::bigint
      AND claim_run = ${anyOf(`SELECT run::bigint FROM (${given("$2")}) AS undone (run)`)}
    RETURNING queue`,
  return: `
    UPDATE queue_messages SET ${UNCLAIMED}, deliveries = given.deliveries
    FROM json_to_recordset($2::text::json) AS given (id text, run bigint, deliveries bigint)
    WHERE ${lookedUp("queue_messages.id", "given.id")}
      AND claim IS NOT DISTINCT FROM $1::bigint AND claim_run = given.run
    RETURNING queue`,
  remove: `
    DELETE FROM queue_messages
    WHERE claim IS NOT DISTINCT FROM $1::bigint AND id = ${anyGiven("$2")}`,
  append: `${APPEND_QUEUE_MESSAGES} ON CONFLICT (id) DO NOTHING`,
  // The first statement alone locks: it is done once, whatever the plan of the second. Where the queue
  // is a bound and no constant, only its own index has the order that is asked for: by another one the
  // messages of all queues would be gone through.
  claim: `
    WITH next AS MATERIALIZED (
      SELECT position FROM queue_messages WHERE queue BETWEEN $3 AND $3 AND claim IS NULL
      ORDER BY queue, position LIMIT $4::bigint FOR UPDATE SKIP LOCKED
    )
    UPDATE queue_messages SET claim = $1::bigint, claim_run = $2::bigint
    FROM next WHERE queue_messages.position = next.position
    RETURNING ${queueMessageColumns("queue_messages")}`,
  removeExpired: `
    DELETE FROM queue_messages WHERE position IN (
      SELECT position FROM queue_messages
      WHERE expires_ms <= $1::bigint AND claim IS NULL
      LIMIT $2::bigint FOR UPDATE SKIP LOCKED
    )`,
} as const;

/** It looks at all that there is. */
const COUNTS = `
  SELECT queue, count(*)::float8 AS messages, count(claim)::float8 AS claimed
  FROM queue_messages GROUP BY queue`;

const STATEMENTS = SHARED_QUEUE_STATEMENTS;

interface QueueRow {
  readonly queue: string;
}

/**
 * Queue messages in PostgreSQL, claimed row by row. A commit holds its lease's row until it is done,
 * and a lease is ended before what it claims is given back: so there is no claim without a lease. Text
 * is kept well-formed: U+FFFD is in the place of lone surrogates.
 */
export class PostgresSharedQueues implements SharedQueueStore {
  readonly #db: PostgresDatabase;
  readonly #writes: PostgresWrites;

  constructor(db: PostgresDatabase, writes: PostgresWrites) {
    this.#db = db;
    this.#writes = writes;
  }

  async enter(leaseMs: number): Promise<LeaseId> {
    const [row] = await this.#writes.write((query) =>
      query<{ id: string }>(STATEMENTS.enter, [leaseMs]),
    );
    return row?.id ?? "";
  }

  async renew(lease: LeaseId, leaseMs: number): Promise<boolean> {
    const rows = await this.#writes.write((query) => query(STATEMENTS.renew, [lease, leaseMs]));
    return rows.length > 0;
  }

  leave(lease: LeaseId): Promise<readonly string[]> {
    return this.#end(STATEMENTS.end, [lease], STATEMENTS.releaseLeft);
  }

  endExpired(): Promise<readonly string[]> {
    return this.#end(STATEMENTS.endExpired, [], STATEMENTS.releaseExpired);
  }

  commit(batch: SharedQueueBatch): Promise<SharedQueueChanges> {
    const rows = batch.appended.map(queueRowOf); // As they are now.
    return this.#writes.commit((query) => commit(query, batch, rows));
  }

  async removeExpired(nowMs: number, limit: number): Promise<void> {
    await this.#writes.write((query) => query(STATEMENTS.removeExpired, [nowMs, limit]));
  }

  counts(): Promise<readonly QueueCount[]> {
    return answered(this.#db.read<QueueCount>(COUNTS));
  }

  probe(): Promise<void> {
    return this.#writes.take(() => probe(this.#writes));
  }

  #end(
    ending: string,
    parameters: readonly Parameter[],
    releasing: string,
  ): Promise<readonly string[]> {
    return this.#writes.write(async (query) => {
      const ended = await query<{ id: string }>(ending, parameters);
      if (ended.length === 0) return [];
      // A statement of its own: it sees what the lease's last commit claimed, which had to end first.
      const ids = toPostgresJson(ended.map(({ id }) => id));
      const released = await query<QueueRow>(releasing, [ids]);
      return [...new Set(released.map(({ queue }) => queue))];
    });
  }
}

async function commit(
  query: Query,
  { claimant, returned, removed, wanted }: SharedQueueBatch,
  rows: readonly object[],
): Promise<SharedQueueChanges> {
  const append =
    rows.length === 0 ? undefined : () => query(STATEMENTS.append, [toPostgresJson(rows)]);
  if (claimant === null) {
    await append?.();
    return { claimed: [], returnedTo: [] };
  }
  const { lease, run, undone } = claimant;
  const ofList = <Row>(sql: string, list: readonly unknown[]): Promise<Row[]> =>
    list.length === 0 ? Promise.resolve([]) : query<Row>(sql, [lease, toPostgresJson(list)]);
  // Sent one behind the other, without waiting for their answers.
  const [held, undoneIn, returnedIn, , , ...claimed] = await Promise.all([
    query(STATEMENTS.hold, [lease]),
    ofList<QueueRow>(STATEMENTS.undo, undone.map(String)),
    ofList<QueueRow>(STATEMENTS.return, returned),
    ofList(STATEMENTS.remove, removed),
    append?.(),
    ...wanted.map(({ queue, limit }) =>
      query<QueueMessageRow>(STATEMENTS.claim, [lease, run, queue, limit]),
    ),
  ]);
  if (held.length === 0) throw new ClaimsLost();
  const queues = [...undoneIn, ...returnedIn].map(({ queue }) => queue);
  return { claimed: claimed.flatMap(inOrder), returnedTo: [...new Set(queues)] };
}

function inOrder(rows: readonly QueueMessageRow[]): StoredQueueMessage[] {
  return rows.toSorted((one, other) => one.position - other.position).map(queueMessageOf);
}
