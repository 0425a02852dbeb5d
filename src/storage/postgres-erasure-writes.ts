import { ERASED_NAME, erasedEvent } from "../chat/erased.ts";
import type { Erasure } from "../chat/user-ports.ts";
import { ERASURE_STAGES, type ErasureStage } from "./erasure-stages.ts";
import { CHAT_WRITES } from "./postgres-chat-statements.ts";
import type { Parameter, Query } from "./postgres-database.ts";
import { anyGiven, anyOf, given, lookedUp } from "./postgres-given.ts";
import { MESSAGE_ERASURE } from "./postgres-message-erasure.ts";
import { takeNoticeTurn } from "./postgres-notice-store.ts";
import { toPostgresJson } from "./postgres-text.ts";

interface ErasureRow {
  readonly requestedMs: number;
  readonly keepsMessages: boolean;
  readonly stage: number;
  readonly stageAfter: string | null;
}

interface MessageRow {
  readonly position: number;
  readonly id: string;
  readonly conversationId: string;
  readonly senderName: string;
  readonly type: string;
  readonly content: string;
  readonly event: string | null;
}

/** What a portion asks, each by an index. */
export const ERASURE_PORTIONS = {
  memberships: `
    SELECT conversation_id AS "conversationId" FROM members
    WHERE user_id = $1 AND conversation_id > $2 ORDER BY conversation_id LIMIT $3::bigint`,

  // Whoever has the id next may number theirs as this one did.
  forgetClientIds: `
    UPDATE messages SET client_message_id = NULL WHERE position = ${anyOf(`
      SELECT position FROM messages
      WHERE sender_id = $1 AND client_message_id IS NOT NULL
      ORDER BY client_message_id LIMIT $2::bigint
    `)} RETURNING 1`,

  messages: `
    SELECT position::float8 AS position, id, conversation_id AS "conversationId",
           sender_name AS "senderName", type, content, event
    FROM messages
    WHERE sender_id = $1 AND client_message_id IS NULL AND messages.position > $2::bigint
    ORDER BY messages.position LIMIT $3::bigint`,

  forgetReactions: `
    DELETE FROM reactions USING (
      SELECT message_id, user_id FROM reactions
      WHERE user_id = $1 ORDER BY message_id LIMIT $2::bigint
    ) AS gone
    WHERE ${lookedUp("reactions.message_id", "gone.message_id")}
      AND ${lookedUp("reactions.user_id", "gone.user_id")}
    RETURNING 1`,

  forgetInvites: `
    DELETE FROM invites WHERE code = ${anyOf(`
      SELECT code FROM invites WHERE creator_id = $1 ORDER BY code LIMIT $2::bigint
    `)} RETURNING 1`,

  forgetRemoved: `
    DELETE FROM removed_messages USING (
      SELECT sender_id, client_message_id FROM removed_messages
      WHERE sender_id = $1 ORDER BY client_message_id LIMIT $2::bigint
    ) AS gone
    WHERE ${lookedUp("removed_messages.sender_id", "gone.sender_id")}
      AND ${lookedUp("removed_messages.client_message_id", "gone.client_message_id")}
    RETURNING 1`,

  // What is in messages goes with these.
  discardFiles: `
    UPDATE attachments SET remove_ms = 0 WHERE id = ${anyOf(`
      SELECT id FROM attachments
      WHERE uploader_id = $1 AND message_id IS NULL AND remove_ms <> 0 LIMIT $2::bigint
    `)} RETURNING 1`,

  forgetDeadLetters: `
    DELETE FROM dead_letters WHERE id = ${anyOf(`
      SELECT id FROM dead_letters WHERE user_id = $1 ORDER BY id LIMIT $2::bigint
    `)} RETURNING 1`,

  forgetNotices: `
    DELETE FROM notices USING (
      SELECT notices.target_id, notices.conversation_id
      FROM notice_targets JOIN notices ON ${lookedUp("notices.target_id", "notice_targets.id")}
      WHERE notice_targets.user_id = $1 LIMIT $2::bigint
    ) AS gone
    WHERE ${lookedUp("notices.target_id", "gone.target_id")}
      AND ${lookedUp("notices.conversation_id", "gone.conversation_id")}
    RETURNING 1`,

  // With what has come since.
  forgetTargets: `
    WITH gone AS (DELETE FROM notice_targets WHERE user_id = $1 RETURNING id)
    DELETE FROM notices USING gone WHERE ${lookedUp("notices.target_id", "gone.id")}`,
} as const;

const WRITES = {
  begin: `
    INSERT INTO erasures (user_id, requested_ms, keeps_messages) VALUES ($1, $2::bigint, $3::boolean)
    ON CONFLICT (user_id) DO UPDATE
    SET requested_ms = CASE WHEN erasures.done_ms IS NULL THEN erasures.requested_ms
                       ELSE excluded.requested_ms END,
        keeps_messages = excluded.keeps_messages,
        done_ms = NULL, erased_messages = 0, stage = 0, stage_after = NULL
    WHERE erasures.done_ms IS NOT NULL OR erasures.keeps_messages > excluded.keeps_messages`,

  // One node at a time goes on with it.
  take: `
    SELECT requested_ms::float8 AS "requestedMs", keeps_messages AS "keepsMessages", stage,
           stage_after AS "stageAfter"
    FROM erasures WHERE user_id = $1 AND done_ms IS NULL FOR UPDATE`,

  advance: "UPDATE erasures SET stage = $2::integer, stage_after = $3::text WHERE user_id = $1",

  count: `
    UPDATE erasures SET erased_messages = erased_messages + $2::bigint WHERE user_id = $1`,

  finish: `
    UPDATE erasures SET done_ms = $2::bigint
    WHERE user_id = $1 AND done_ms IS NULL AND keeps_messages = $3::boolean`,

  touch: `
    INSERT INTO erasures_untold (user_id, conversation_id)
    SELECT DISTINCT $1::text, value FROM (${given("$2")}) AS touched
    ON CONFLICT (user_id, conversation_id) DO NOTHING`,

  told: `
    DELETE FROM erasures_untold WHERE user_id = $1
      AND conversation_id = ${anyGiven("$2")}`,

  allTold: "DELETE FROM erasures_untold WHERE user_id = $1",

  unname: `
    UPDATE messages SET sender_name = $1::text
    WHERE id = ${anyGiven("$2")}`,

  rewrite: `
    UPDATE messages SET content = given.content, event = given.event
    FROM json_to_recordset($1::text::json) AS given (id text, content text, event text)
    WHERE ${lookedUp("messages.id", "given.id")}`,

  forgetPreferences: `
    UPDATE members SET muted_until_ms = NULL, archived_ms = NULL, pinned_ms = NULL
    WHERE user_id = $1
      AND conversation_id = ${anyGiven("$2")}`,

  forgetWishes: "DELETE FROM notice_preferences WHERE user_id = $1",

  forgetUser: "DELETE FROM users WHERE user_id = $1",
} as const;

export async function beginErasure(
  query: Query,
  { userId, requestedMs, keepsMessages }: Pick<Erasure, "userId" | "requestedMs" | "keepsMessages">,
): Promise<void> {
  await query(WRITES.begin, [userId, requestedMs, keepsMessages]);
}

export async function markTold(
  query: Query,
  userId: string,
  conversationIds: readonly string[],
): Promise<void> {
  await query(WRITES.told, [userId, toPostgresJson(conversationIds)]);
}

export async function finishErasure(
  query: Query,
  { userId, keepsMessages }: Pick<Erasure, "userId" | "keepsMessages">,
  doneMs: number,
): Promise<void> {
  await Promise.all([
    query(WRITES.forgetUser, [userId]),
    query(WRITES.allTold, [userId]),
    query(WRITES.finish, [userId, doneMs, keepsMessages]),
  ]);
}

/** Goes on with it, looking at so many rows at most. True when nothing of it is left to do. */
export async function erasePortion(query: Query, userId: string, limit: number): Promise<boolean> {
  const [erasure] = await query<ErasureRow>(WRITES.take, [userId]);
  if (erasure === undefined) return false;
  const { stage } = erasure;
  const next = await portion(query, userId, erasure, ERASURE_STAGES[stage], limit);
  const reached = next === null ? stage + 1 : stage;
  await query(WRITES.advance, [userId, reached, next]);
  return reached >= ERASURE_STAGES.length;
}

/** Where the stage goes on; null: it is done. */
async function portion(
  query: Query,
  userId: string,
  erasure: ErasureRow,
  stage: ErasureStage | undefined,
  limit: number,
): Promise<string | null> {
  const after = erasure.stageAfter ?? "";
  const rest = async (sql: string) => {
    return (await query(sql, [userId, limit])).length < limit ? null : "";
  };
  switch (stage) {
    case "memberships": {
      const parameters: Parameter[] = [userId, after, limit];
      const rows = await query<{ conversationId: string }>(
        ERASURE_PORTIONS.memberships,
        parameters,
      );
      const ids = rows.map(({ conversationId }) => conversationId);
      await query(CHAT_WRITES.lock, [toPostgresJson(ids), "[]"]);
      await query(WRITES.touch, [userId, toPostgresJson(ids)]);
      await query(WRITES.forgetPreferences, [userId, toPostgresJson(ids)]);
      return rows.length < limit ? null : (ids.at(-1) ?? null);
    }
    case "clientIds":
      return rest(ERASURE_PORTIONS.forgetClientIds);
    case "messages": {
      const parameters = [userId, Number(after), limit];
      const rows = await query<MessageRow>(ERASURE_PORTIONS.messages, parameters);
      await eraseAll(query, userId, erasure, rows);
      return rows.length < limit ? null : `${rows.at(-1)?.position}`;
    }
    case "reactions":
      return rest(ERASURE_PORTIONS.forgetReactions);
    case "invites":
      return rest(ERASURE_PORTIONS.forgetInvites);
    case "removed":
      return rest(ERASURE_PORTIONS.forgetRemoved);
    case "files":
      return rest(ERASURE_PORTIONS.discardFiles);
    case "deadLetters":
      return rest(ERASURE_PORTIONS.forgetDeadLetters);
    case "notices":
      await takeNoticeTurn(query);
      return rest(ERASURE_PORTIONS.forgetNotices);
    case "targets":
      await takeNoticeTurn(query);
      await query(ERASURE_PORTIONS.forgetTargets, [userId]);
      await query(WRITES.forgetWishes, [userId]);
      return null;
    case undefined:
      return "";
  }
}

async function eraseAll(
  query: Query,
  userId: string,
  { keepsMessages, requestedMs }: ErasureRow,
  rows: readonly MessageRow[],
): Promise<void> {
  if (rows.length === 0) return;
  const ids = toPostgresJson(rows.map(({ id }) => id));
  const conversationIds = toPostgresJson([...new Set(rows.map((row) => row.conversationId))]);
  await query(CHAT_WRITES.lock, [conversationIds, "[]"]);
  const events = rows.filter(({ event }) => event !== null);
  const said = rows.filter(({ event }) => event === null);
  const rewritten = events.map((row) => ({ id: row.id, ...erasedEvent(row) }));
  if (events.length > 0) await query(WRITES.rewrite, [toPostgresJson(rewritten)]);
  if (!keepsMessages && said.length > 0) {
    const erased = said.map(({ id }) => ({ messageId: id, deletedMs: requestedMs }));
    for (const sql of MESSAGE_ERASURE) await query(sql, [toPostgresJson(erased)]);
  }
  await query(WRITES.unname, [ERASED_NAME, ids]);
  await query(WRITES.touch, [userId, conversationIds]);
  await query(WRITES.count, [userId, said.length]);
}
