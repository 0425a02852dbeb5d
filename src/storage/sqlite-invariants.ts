import type { Database } from "bun:sqlite";

/** What is kept of chats, and where it contradicts itself. The counts of faults are 0 when all is well. */
export interface ChatInspection {
  readonly conversations: number;
  readonly messages: number;
  /** Conversations whose `last_seq` is below that of their newest message. */
  readonly lagging: number;
  /** Members whose watermarks, or joining, are below 0 or above their conversation's `last_seq`. */
  readonly misplacedWatermarks: number;
  /** Conversations that lack messages between the first one kept and `last_seq`. */
  readonly gapped: number;
  /** How many messages these lack in all. */
  readonly missingMessages: number;
  /** Some of these conversations. */
  readonly gappedIds: readonly string[];
}

/**
 * The seqs of a conversation are contiguous from its first message kept, whatever that is, to
 * `last_seq`. One without messages keeps its `last_seq`.
 */
const RANGES = `
  SELECT c.id, c.last_seq, coalesce(kept.count, 0) AS count, kept.last,
         coalesce(max(kept.last, c.last_seq) - kept.first + 1 - kept.count, 0) AS missing
  FROM conversations c
  LEFT JOIN (SELECT conversation_id, count(*) AS count, min(seq) AS first, max(seq) AS last
             FROM messages GROUP BY conversation_id) kept ON kept.conversation_id = c.id`;

/** A member beyond `last_seq` would not be shown later messages, or they would count as read. */
const misplaced = (columns: readonly string[]) => `
  FROM conversations c
  WHERE c.id = members.conversation_id
    AND (${columns.map((column) => `${column} NOT BETWEEN 0 AND c.last_seq`).join(" OR ")})`;

const PLACES = ["delivered_seq", "read_seq", "joined_seq", "sent_seq"];

const EXAMPLES = 3;

/** Reads indexes only. Throws the engine's error. */
export function inspectChats(db: Database): ChatInspection {
  const totals = db
    .query<Omit<ChatInspection, "misplacedWatermarks" | "gappedIds">, []>(
      `SELECT count(*) AS conversations, coalesce(sum(count), 0) AS messages,
              coalesce(sum(last > last_seq), 0) AS lagging,
              coalesce(sum(missing <> 0), 0) AS gapped,
              coalesce(sum(missing), 0) AS missingMessages
       FROM (${RANGES})`,
    )
    .get();
  const places = PLACES.filter((place) => hasColumn(db, place));
  const watermarks = db
    .query<{ count: number }, []>(
      `SELECT count(*) AS count FROM members WHERE EXISTS (SELECT 1 ${misplaced(places)})`,
    )
    .get();
  if (totals === null || watermarks === null) throw new Error("an aggregate has no row");
  return {
    ...totals,
    misplacedWatermarks: watermarks.count,
    gappedIds: totals.gapped === 0 ? [] : gappedIds(db),
  };
}

/** Not in a backup that an older Parley made. */
function hasColumn(db: Database, name: string): boolean {
  return db.query("SELECT 1 FROM pragma_table_info('members') WHERE name = ?").get(name) !== null;
}

function gappedIds(db: Database): string[] {
  return db
    .query<{ id: string }, []>(`SELECT id FROM (${RANGES}) WHERE missing <> 0 LIMIT ${EXAMPLES}`)
    .all()
    .map(({ id }) => id);
}

/** How many rows of each kind were mended. */
export type Mended = Pick<ChatInspection, "lagging" | "misplacedWatermarks">;

/**
 * Mends what has one right value: `last_seq` follows the newest message, since the next one would
 * take a seq that is taken; watermarks are brought within it, since beyond it they would count
 * messages as read before they are sent. In one transaction. The database must be migrated. Throws
 * the engine's error.
 */
export function mendChats(db: Database): Mended {
  return db
    .transaction(() => ({
      lagging: db.run(
        `UPDATE conversations
         SET last_seq = newest.seq, last_message_ms = newest.timestamp_ms
         FROM messages newest
         WHERE newest.conversation_id = conversations.id
           AND newest.seq = (SELECT max(seq) FROM messages
                             WHERE conversation_id = conversations.id)
           AND newest.seq > last_seq`,
      ).changes,
      misplacedWatermarks: db.run(
        `UPDATE members
         SET delivered_seq = max(0, min(delivered_seq, c.last_seq)),
             read_seq = max(0, min(read_seq, c.last_seq)),
             joined_seq = max(0, min(joined_seq, c.last_seq)),
             sent_seq = max(0, min(sent_seq, c.last_seq))
         ${misplaced(PLACES)}`,
      ).changes,
    }))
    .immediate();
}

/** A sentence for each kind of fault that nothing can mend, none when all is well. */
export function gapSentences(inspection: ChatInspection): string[] {
  const { gapped, missingMessages, gappedIds } = inspection;
  if (gapped === 0) return [];
  const names = gappedIds.map((id) => JSON.stringify(id)).join(", ");
  return [`${missingMessages} messages are missing in ${gapped} conversations, such as ${names}`];
}
