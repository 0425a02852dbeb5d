import type { ExpiryPortion, ExpiryProgress, RetentionRule } from "../chat/ports.ts";
import { type ConversationBottom, countExpired, hasExpired, type Timed } from "./expiry.ts";
import type { Query } from "./postgres-database.ts";
import { anyOf } from "./postgres-given.ts";

/** What retention asks and writes, each by an index. */
export const REMOVALS = {
  bottoms: `
    SELECT conversations.id, conversations.last_seq::float8 AS "lastSeq",
           bottom.seq::float8 AS "bottomSeq", bottom.timestamp_ms::float8 AS "bottomMs"
    FROM conversations
    LEFT JOIN LATERAL (
      SELECT seq, timestamp_ms FROM messages WHERE messages.conversation_id = conversations.id
      ORDER BY messages.seq LIMIT 1
    ) AS bottom ON true
    WHERE conversations.id > $1
    ORDER BY conversations.id LIMIT $2::bigint`,

  // Of conversations in their order, as commits do; another node may be at the same one.
  lock: "SELECT id FROM conversations WHERE id = $1 FOR NO KEY UPDATE",

  bottomMessages: `
    SELECT seq::float8 AS seq, timestamp_ms::float8 AS "timestampMs" FROM messages
    WHERE conversation_id = $1 ORDER BY messages.seq LIMIT $2::bigint`,

  keepIdentities: `
    INSERT INTO removed_messages (sender_id, client_message_id, id, conversation_id, seq, recipient_id)
    SELECT sender_id, client_message_id, id, conversation_id, seq, recipient_id FROM messages
    WHERE conversation_id = $1 AND seq <= $2::bigint AND client_message_id IS NOT NULL
    ON CONFLICT (sender_id, client_message_id) DO NOTHING`,

  removeVersions: `
    DELETE FROM message_versions WHERE message_id = ${anyOf(`
      SELECT id FROM messages
      WHERE conversation_id = $1 AND seq <= $2::bigint AND edited_ms IS NOT NULL
    `)}`,

  removeReactions: `
    DELETE FROM reactions WHERE message_id = ${anyOf(`
      SELECT id FROM messages WHERE conversation_id = $1 AND seq <= $2::bigint
    `)}`,

  remove: "DELETE FROM messages WHERE conversation_id = $1 AND seq <= $2::bigint",
} as const;

/** Removes expired messages, a portion at a time, in the transaction of `query`. */
export async function removeExpired(
  query: Query,
  { after, limit, ...rule }: ExpiryPortion,
): Promise<ExpiryProgress> {
  const rows = await query<ConversationBottom>(REMOVALS.bottoms, [after ?? "", limit]);
  let removed = 0;
  let through = after;
  for (const bottom of rows) {
    if (hasExpired(bottom, rule)) {
      removed += await removeFrom(query, bottom, rule, limit - removed);
      // There may be more of it: the next portion looks at it again.
      if (removed >= limit) return { removed, next: through ?? "" };
    }
    through = bottom.id;
  }
  return { removed, next: rows.length < limit ? null : through };
}

async function removeFrom(
  query: Query,
  { id, lastSeq }: ConversationBottom,
  rule: RetentionRule,
  room: number,
): Promise<number> {
  await query(REMOVALS.lock, [id]);
  const lowest = await query<Timed>(REMOVALS.bottomMessages, [id, room]);
  const count = countExpired(lowest, lastSeq, rule);
  const upto = lowest[count - 1];
  if (upto === undefined) return 0;
  const { keepIdentities, removeVersions, removeReactions, remove } = REMOVALS;
  await Promise.all(
    [keepIdentities, removeVersions, removeReactions, remove].map((sql) =>
      query(sql, [id, upto.seq]),
    ),
  );
  return count;
}
