import type { Database } from "bun:sqlite";
import type { WebhookEvent, WebhookOutcome } from "../notify/webhook-ports.ts";

/** What happens to events for the app's back end, as it crosses to the writer. */
export type WebhookWrite =
  | { readonly kind: "add"; readonly events: readonly WebhookEvent[] }
  | { readonly kind: "settle"; readonly outcomes: readonly WebhookOutcome[] };

/** Writes events for the app's back end, within a transaction of the caller's. */
export class WebhookWrites {
  readonly #statements: ReturnType<typeof prepare>;

  constructor(db: Database) {
    this.#statements = prepare(db);
  }

  apply(write: WebhookWrite): void {
    if (write.kind === "add") for (const event of write.events) this.#add(event);
    else for (const outcome of write.outcomes) this.#settle(outcome);
  }

  #add({ id, type, lane, createdMs, data }: WebhookEvent): void {
    const messageId = data === null ? id : null;
    this.#statements.add.run(id, type, lane, createdMs, data, messageId);
  }

  #settle(outcome: WebhookOutcome): void {
    const { later, bury, remove, next } = this.#statements;
    const { position } = outcome;
    if (outcome.kind === "later") {
      later.run(outcome.dueMs, outcome.attempts, position);
      return;
    }
    if (outcome.kind === "dead") {
      const { letterId, attempts, reason, diedMs } = outcome;
      bury.run(letterId, attempts, reason, diedMs, position);
    }
    const removed = remove.get(position);
    if (removed !== null) next.run(removed.lane);
  }
}

function prepare(db: Database) {
  return {
    add: db.query<
      null,
      [
        id: string,
        type: string,
        lane: string,
        createdMs: number,
        data: string | null,
        messageId: string | null,
      ]
    >(
      `INSERT INTO webhook_events (id, type, lane, created_ms, data, message_id, due_ms)
       SELECT ?1, ?2, ?3, ?4, ?5, ?6,
              CASE WHEN EXISTS (SELECT 1 FROM webhook_events WHERE lane = ?3) THEN NULL
              ELSE ?4 END`,
    ),
    later: db.query<null, [dueMs: number, attempts: number, position: number]>(
      "UPDATE webhook_events SET due_ms = ?, attempts = ? WHERE position = ?",
    ),
    bury: db.query<
      null,
      [letterId: string, attempts: number, reason: string, diedMs: number, position: number]
    >(
      `INSERT INTO dead_letters (id, channel, conversation_id, event_id, event_type, lane, data,
                                 message_id, created_ms, attempts, reason, died_ms)
       SELECT ?1, 'webhook', CASE WHEN message_id IS NOT NULL THEN lane END, id, type, lane, data,
              message_id, created_ms, ?2, ?3, ?4
       FROM webhook_events WHERE position = ?5`,
    ),
    remove: db.query<{ lane: string }, [position: number]>(
      "DELETE FROM webhook_events WHERE position = ? RETURNING lane",
    ),
    next: db.query<null, [lane: string]>(
      `UPDATE webhook_events SET due_ms = coalesce(due_ms, created_ms)
       WHERE position = (SELECT min(position) FROM webhook_events WHERE lane = ?)`,
    ),
  };
}
