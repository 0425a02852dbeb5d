import type { ExpiryPortion, ExpiryProgress, RetentionRule } from "../chat/ports.ts";
import { isExpired } from "./expiry.ts";
import type { Query } from "./postgres-database.ts";
import { anyOf } from "./postgres-given.ts";

/** A conversation and the lowest message that it still has. */
interface BottomRow {
  readonly id: string;
  readonly lastSeq: number;
  readonly bottomSeq: number | null;
  readonly bottomMs: number | null;
}

interface BottomMessageRow {
  readonly seq: number;
  readonly timestampMs: number;
}

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
  const rows = await query<BottomRow>(REMOVALS.bottoms, [after ?? "", limit]);
  let removed = 0;
  let through = after;
  for (const { id, lastSeq, bottomSeq, bottomMs } of rows) {
    const isDue =
      bottomSeq !== null &&
      bottomMs !== null &&
      isExpired({ seq: bottomSeq, timestampMs: bottomMs }, lastSeq, rule);
    if (isDue) {
      removed += await removeFrom(query, id, lastSeq, rule, limit - removed);
      // There may be more of it: the next portion looks at it again.
      if (removed >= limit) return { removed, next: through ?? "" };
    }
    through = id;
  }
  return { removed, next: rows.length < limit ? null : through };
}

async function removeFrom(
  query: Query,
  id: string,
  lastSeq: number,
  rule: RetentionRule,
  room: number,
): Promise<number> {
  await query(REMOVALS.lock, [id]);
  const bottom = await query<BottomMessageRow>(REMOVALS.bottomMessages, [id, room]);
  const kept = bottom.findIndex((message) => !isExpired(message, lastSeq, rule));
  const count = kept === -1 ? bottom.length : kept;
  const upto = bottom[count - 1];
  if (upto === undefined) return 0;
  const { keepIdentities, removeVersions, removeReactions, remove } = REMOVALS;
  await Promise.all(
    [keepIdentities, removeVersions, removeReactions, remove].map((sql) =>
      query(sql, [id, upto.seq]),
    ),
  );
  return count;
}
