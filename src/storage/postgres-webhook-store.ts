import type { StoredMessage } from "../chat/stored-chats.ts";
import {
  type AddedAgain,
  type DueWebhookEvent,
  MOST_WAITING_EVENTS,
  type WebhookEvent,
  type WebhookOutcome,
  type WebhookStore,
} from "../notify/webhook-ports.ts";
import type { Parameter, PostgresDatabase, Query } from "./postgres-database.ts";
import { anyGiven, anyOf, given, lookedUp } from "./postgres-given.ts";
import { MESSAGE, messageOf } from "./postgres-message-columns.ts";
import { toPostgresJson } from "./postgres-text.ts";
import { answered, type PostgresWrites } from "./postgres-writes.ts";
import { addMessagesAgain, startOf, type ToldMessage } from "./webhook-events.ts";

interface DueRow extends Omit<DueWebhookEvent, "message"> {
  readonly messageId: string | null;
}

export const WEBHOOK_READS = {
  // Of each lane one event alone has a time at which it is due.
  due: `
    SELECT position::float8 AS position, id, type, lane, created_ms::float8 AS "createdMs", data,
           attempts::float8 AS attempts, message_id AS "messageId"
    FROM webhook_events
    WHERE due_ms <= $1::bigint AND NOT lane = ${anyGiven("$2")}
    ORDER BY due_ms, webhook_events.position LIMIT $3::bigint`,

  messages: `SELECT ${MESSAGE} FROM messages WHERE messages.id = ${anyGiven("$1")}`,

  nextDue: `
    SELECT due_ms::float8 AS "dueMs" FROM webhook_events
    WHERE due_ms >= 0 AND NOT lane = ${anyGiven("$1")}
    ORDER BY due_ms LIMIT 1`,

  waiting: `
    SELECT count(*)::float8 AS count FROM (
      SELECT 1 FROM webhook_events WHERE position > 0 LIMIT ${MOST_WAITING_EVENTS}
    ) AS counted`,

  messagesBehind: `
    SELECT id, conversation_id AS "conversationId", seq::float8 AS seq,
           timestamp_ms::float8 AS "timestampMs"
    FROM messages WHERE id > $1 ORDER BY id LIMIT $2::bigint`,
} as const;

/** All are given a JSON array of objects. */
export const WEBHOOK_WRITES = {
  add: `
    INSERT INTO webhook_events (id, type, lane, created_ms, data, message_id, due_ms)
    SELECT id, type, lane, "createdMs", data, CASE WHEN data IS NULL THEN id END,
           CASE WHEN row_number() OVER (PARTITION BY lane ORDER BY place) = 1 AND NOT EXISTS (
             SELECT 1 FROM webhook_events AS before WHERE before.lane = given.lane
           ) THEN "createdMs" END
    FROM ROWS FROM (
      json_to_recordset($1::text::json)
        AS (id text, type text, lane text, "createdMs" bigint, data text)
    ) WITH ORDINALITY AS given (id, type, lane, "createdMs", data, place)
    ORDER BY place`,

  later: `
    UPDATE webhook_events SET due_ms = "dueMs", attempts = given.attempts
    FROM json_to_recordset($1::text::json)
      AS given (position bigint, "dueMs" bigint, attempts bigint)
    WHERE ${lookedUp("webhook_events.position", "given.position")}`,

  bury: `
    INSERT INTO dead_letters (id, channel, conversation_id, event_id, event_type, lane, data,
                              message_id, created_ms, attempts, reason, died_ms)
    SELECT "letterId", 'webhook', CASE WHEN message_id IS NOT NULL THEN lane END, id, type, lane,
           data, message_id, created_ms, given.attempts, reason, "diedMs"
    FROM json_to_recordset($1::text::json) AS given
      (position bigint, "letterId" text, attempts bigint, reason text, "diedMs" bigint)
    JOIN webhook_events ON ${lookedUp("webhook_events.position", "given.position")}`,

  remove: `
    DELETE FROM webhook_events USING json_to_recordset($1::text::json) AS given (position bigint)
    WHERE ${lookedUp("webhook_events.position", "given.position")}
    RETURNING lane`,

  /** $1: lanes. Of each the first is due, if it is not to come later. */
  next: `
    UPDATE webhook_events SET due_ms = created_ms
    WHERE due_ms IS NULL AND position = ${anyOf(`
      SELECT (
        SELECT first.position FROM webhook_events AS first WHERE first.lane = lanes.lane
        ORDER BY first.lane, first.position LIMIT 1
      ) FROM (${given("$1")}) AS lanes (lane)
    `)}`,
} as const;

/** Of advisory locks, together with the schema's name. */
const LANES = 0x6c616e65;

/**
 * Whoever adds events, or takes some away, does so alone until the transaction ends: which is the first
 * of its lane is known to nobody else meanwhile. To be asked before anything else is.
 */
export async function lockLanes(query: Query): Promise<void> {
  await query("SELECT pg_advisory_xact_lock($1::integer, hashtext(current_schema()))", [LANES]);
}

async function lockLanesUnsynced(query: Query): Promise<void> {
  await query(
    `SELECT set_config('synchronous_commit', 'off', true),
            pg_advisory_xact_lock($1::integer, hashtext(current_schema()))`,
    [LANES],
  );
}

/** Events for the app's back end in PostgreSQL. */
export class PostgresWebhookStore implements WebhookStore {
  readonly #db: PostgresDatabase;
  readonly #writes: PostgresWrites;

  constructor(db: PostgresDatabase, writes: PostgresWrites) {
    this.#db = db;
    this.#writes = writes;
  }

  add(events: readonly WebhookEvent[]): Promise<void> {
    return this.#writes.commit(async (query) => {
      await lockLanes(query);
      await query(WEBHOOK_WRITES.add, [toPostgresJson(events)]);
    });
  }

  async due(
    nowMs: number,
    busyLanes: readonly string[],
    limit: number,
  ): Promise<DueWebhookEvent[]> {
    const parameters = [nowMs, toPostgresJson(busyLanes), Math.max(limit, 0)];
    const rows = await this.#read<DueRow>(WEBHOOK_READS.due, parameters);
    const ids = rows.flatMap(({ messageId }) => messageId ?? []);
    const found =
      ids.length === 0
        ? []
        : await this.#read<StoredMessage>(WEBHOOK_READS.messages, [toPostgresJson(ids)]);
    const messages = new Map(found.map((message) => [message.id, messageOf(message)]));
    return rows.map(({ messageId, ...event }) => {
      return { ...event, message: messages.get(messageId ?? "") ?? null };
    });
  }

  async nextDueMs(busyLanes: readonly string[]): Promise<number | null> {
    const parameters = [toPostgresJson(busyLanes)];
    const [first] = await this.#read<{ dueMs: number }>(WEBHOOK_READS.nextDue, parameters);
    return first?.dueMs ?? null;
  }

  settle(outcomes: readonly WebhookOutcome[]): Promise<void> {
    return this.#writes.commit((query) => settle(query, outcomes));
  }

  async waiting(): Promise<number> {
    const [counted] = await this.#read<{ count: number }>(WEBHOOK_READS.waiting, []);
    return counted?.count ?? 0;
  }

  async addAgain(fromMs: number, after: string | null, limit: number): Promise<AddedAgain> {
    const parameters = [startOf(fromMs, after), limit];
    const page = await this.#read<ToldMessage>(WEBHOOK_READS.messagesBehind, parameters);
    return await addMessagesAgain(fromMs, limit, page, (events) => this.add(events));
  }

  #read<Row>(sql: string, parameters: readonly Parameter[]): Promise<Row[]> {
    return answered(this.#db.read<Row>(sql, parameters));
  }
}

async function settle(query: Query, outcomes: readonly WebhookOutcome[]): Promise<void> {
  await lockLanesUnsynced(query);
  const later = outcomes.filter(({ kind }) => kind === "later");
  const dead = outcomes.filter(({ kind }) => kind === "dead");
  const done = outcomes.filter(({ kind }) => kind !== "later");
  if (later.length > 0) await query(WEBHOOK_WRITES.later, [toPostgresJson(later)]);
  if (dead.length > 0) await query(WEBHOOK_WRITES.bury, [toPostgresJson(dead)]);
  if (done.length === 0) return;
  const removed = await query<{ lane: string }>(WEBHOOK_WRITES.remove, [toPostgresJson(done)]);
  const lanes = [...new Set(removed.map(({ lane }) => lane))];
  await query(WEBHOOK_WRITES.next, [toPostgresJson(lanes)]);
}
