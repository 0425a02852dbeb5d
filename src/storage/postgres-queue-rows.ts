import type { StoredQueueMessage } from "../broker/queue-store.ts";
import { fromPostgresJson, toPostgresJson } from "./postgres-text.ts";

/** A message of a work queue as it is read. */
export interface QueueMessageRow extends Omit<StoredQueueMessage, "headers" | "body"> {
  readonly position: number;
  readonly headersJson: string;
  readonly text: string | null;
  readonly bytes: Uint8Array | null;
}

/** The columns of a QueueMessageRow. */
export function queueMessageColumns(table: string): string {
  return `${table}.position::float8 AS position, id, queue, headers AS "headersJson",
           body_text AS text, body_bytes AS bytes, expires_ms::float8 AS "expiresMs",
           deliveries::float8 AS deliveries`;
}

export function queueMessageOf(row: QueueMessageRow): StoredQueueMessage {
  const { id, queue, headersJson, text, bytes, expiresMs, deliveries } = row;
  const headers = fromPostgresJson(headersJson) as string[];
  const body = text ?? new Uint8Array(bytes ?? []);
  return { id, queue, headers, body, expiresMs, deliveries };
}

/** What is written of a message, as JSON. */
export function queueRowOf(message: StoredQueueMessage): object {
  const { id, queue, headers, body, expiresMs, deliveries } = message;
  const kept = typeof body === "string" ? { text: body } : { base64: body.toBase64() };
  return { id, queue, headers: toPostgresJson(headers), expiresMs, deliveries, ...kept };
}

/** Takes in what `queueRowOf` makes of messages, as JSON, in their order. */
export const APPEND_QUEUE_MESSAGES = `
    INSERT INTO queue_messages (id, queue, headers, expires_ms, deliveries, body_text, body_bytes)
    SELECT id, queue, headers, expires_ms, deliveries, body_text, decode(base64, 'base64')
    FROM ROWS FROM (
      json_to_recordset($1::text::json) AS (id text, queue text, headers text, "expiresMs" bigint,
                                            deliveries bigint, text text, base64 text)
    ) WITH ORDINALITY
      AS given (id, queue, headers, expires_ms, deliveries, body_text, base64, place)
    ORDER BY place`;
