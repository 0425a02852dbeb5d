import { MOST_WAITING_EVENTS } from "../notify/webhook-ports.ts";

/** What is read of events for the app's back end, each by an index. */
export const WEBHOOK_READS = {
  // Of each lane one event alone has a time at which it is due.
  webhooksDue: `
    SELECT position, id, type, lane, created_ms AS createdMs, data, attempts,
           message_id AS messageId
    FROM webhook_events
    WHERE due_ms <= ? AND lane NOT IN (SELECT value FROM json_each(?))
    ORDER BY due_ms, position LIMIT ?`,

  webhooksNextDue: `
    SELECT due_ms AS dueMs FROM webhook_events
    WHERE due_ms >= 0 AND lane NOT IN (SELECT value FROM json_each(?))
    ORDER BY due_ms LIMIT 1`,

  webhooksWaiting: `
    SELECT count(*) AS count FROM (
      SELECT 1 FROM webhook_events WHERE position > 0 LIMIT ${MOST_WAITING_EVENTS}
    )`,

  messagesBehind: `
    SELECT id, conversation_id AS conversationId, seq, timestamp_ms AS timestampMs
    FROM messages WHERE id > ? ORDER BY id LIMIT ?`,
} as const;
