import type { Database } from "bun:sqlite";
import { ERASED_NAME, erasedEvent } from "../chat/erased.ts";
import type { Erasure } from "../chat/user-ports.ts";
import { ERASURE_STAGES, type ErasureStage } from "./erasure-stages.ts";
import { MessageErasure } from "./sqlite-message-erasure.ts";

/** What is done to an erasure, as it crosses to the writer. */
export type ErasureWrite =
  | ({ readonly kind: "begin" } & Pick<Erasure, "userId" | "requestedMs" | "keepsMessages">)
  | { readonly kind: "portion"; readonly userId: string; readonly limit: number }
  | { readonly kind: "told"; readonly userId: string; readonly conversationIds: readonly string[] }
  | ({ readonly kind: "finish"; readonly doneMs: number } & Pick<
      Erasure,
      "userId" | "keepsMessages"
    >);

interface ErasureRow {
  readonly requestedMs: number;
  readonly keepsMessages: 0 | 1;
  readonly stage: number;
  readonly stageAfter: string | null;
}

interface MessageRow {
  readonly rowid: number;
  readonly id: string;
  readonly conversationId: string;
  readonly senderName: string;
  readonly type: string;
  readonly content: string;
  readonly event: string | null;
}

const MESSAGE = `
  rowid,
  id,
  conversation_id AS conversationId,
  sender_name AS senderName,
  type,
  content,
  event`;

/** What a portion asks, each by an index. */
export const ERASURE_READS = {
  memberships: `
    SELECT conversation_id AS conversationId FROM members
    WHERE user_id = ? AND conversation_id > ? ORDER BY conversation_id LIMIT ?`,

  // Whoever has the id next may number theirs as this one did.
  forgetClientIds: `
    UPDATE messages SET client_message_id = NULL WHERE rowid IN (
      SELECT rowid FROM messages
      WHERE sender_id = ? AND client_message_id > '' ORDER BY client_message_id LIMIT ?
    )`,

  messages: `
    SELECT ${MESSAGE} FROM messages
    WHERE sender_id = ? AND client_message_id IS NULL AND rowid > ? ORDER BY rowid LIMIT ?`,

  forgetReactions: `
    DELETE FROM reactions WHERE (message_id, user_id) IN (
      SELECT message_id, user_id FROM reactions WHERE user_id = ? ORDER BY message_id LIMIT ?
    )`,

  forgetInvites: `
    DELETE FROM invites WHERE code IN (
      SELECT code FROM invites WHERE creator_id = ? ORDER BY code LIMIT ?
    )`,

  forgetRemoved: `
    DELETE FROM removed_messages WHERE (sender_id, client_message_id) IN (
      SELECT sender_id, client_message_id FROM removed_messages
      WHERE sender_id = ? ORDER BY client_message_id LIMIT ?
    )`,

  // What is in messages goes with these.
  discardFiles: `
    UPDATE attachments SET remove_ms = 0 WHERE id IN (
      SELECT id FROM attachments
      WHERE uploader_id = ? AND message_id IS NULL AND remove_ms <> 0 LIMIT ?
    )`,

  forgetDeadLetters: `
    DELETE FROM dead_letters WHERE id IN (
      SELECT id FROM dead_letters WHERE user_id = ? ORDER BY id LIMIT ?
    )`,

  forgetNotices: `
    DELETE FROM notices WHERE (target_id, conversation_id) IN (
      SELECT notices.target_id, notices.conversation_id
      FROM notice_targets CROSS JOIN notices ON notices.target_id = notice_targets.id
      WHERE notice_targets.user_id = ? LIMIT ?
    )`,
} as const;

/** Takes a user out of the database, a portion at a time. Transactions are the caller's. */
export class ErasureWrites {
  readonly #statements: ReturnType<typeof prepare>;
  readonly #messages: MessageErasure;

  constructor(db: Database) {
    this.#statements = prepare(db);
    this.#messages = new MessageErasure(db);
  }

  /** Throws the engine's error, and may then have written some of it. */
  apply(write: ErasureWrite): void {
    const { userId } = write;
    switch (write.kind) {
      case "begin":
        this.#statements.begin.run(userId, write.requestedMs, write.keepsMessages ? 1 : 0);
        return;
      case "portion":
        this.#portion(userId, write.limit);
        return;
      case "told":
        for (const id of write.conversationIds) this.#statements.told.run(userId, id);
        return;
      case "finish":
        this.#statements.forgetUser.run(userId);
        this.#statements.allTold.run(userId);
        this.#statements.finish.run(write.doneMs, userId, write.keepsMessages ? 1 : 0);
    }
  }

  #portion(userId: string, limit: number): void {
    const erasure = this.#statements.erasure.get(userId);
    if (erasure === null) return;
    const { stage, stageAfter } = erasure;
    const next = this.#do(ERASURE_STAGES[stage], userId, erasure, stageAfter ?? "", limit);
    if (next === null) this.#statements.advance.run(stage + 1, null, userId);
    else this.#statements.advance.run(stage, next, userId);
  }

  /** Where the stage goes on; null: it is done. */
  #do(
    stage: ErasureStage | undefined,
    userId: string,
    erasure: ErasureRow,
    after: string,
    limit: number,
  ): string | null {
    const statements = this.#statements;
    switch (stage) {
      case "memberships": {
        const rows = statements.memberships.all(userId, after, limit);
        for (const { conversationId } of rows) {
          statements.touch.run(userId, conversationId);
          statements.forgetPreferences.run(conversationId, userId);
        }
        return rows.length < limit ? null : (rows.at(-1)?.conversationId ?? null);
      }
      case "clientIds":
        return statements.forgetClientIds.run(userId, limit).changes < limit ? null : "";
      case "messages": {
        const rows = statements.messages.all(userId, Number(after), limit);
        this.#eraseAll(userId, erasure, rows);
        return rows.length < limit ? null : `${rows.at(-1)?.rowid}`;
      }
      case "reactions":
        return statements.forgetReactions.run(userId, limit).changes < limit ? null : "";
      case "invites":
        return statements.forgetInvites.run(userId, limit).changes < limit ? null : "";
      case "removed":
        return statements.forgetRemoved.run(userId, limit).changes < limit ? null : "";
      case "files":
        return statements.discardFiles.run(userId, limit).changes < limit ? null : "";
      case "deadLetters":
        return statements.forgetDeadLetters.run(userId, limit).changes < limit ? null : "";
      case "notices":
        return statements.forgetNotices.run(userId, limit).changes < limit ? null : "";
      case "targets":
        // With what has come since.
        statements.forgetLastNotices.run(userId);
        statements.forgetTargets.run(userId);
        statements.forgetWishes.run(userId);
        return null;
      case undefined:
        return "";
    }
  }

  #eraseAll(userId: string, erasure: ErasureRow, rows: readonly MessageRow[]): void {
    let erased = 0;
    for (const row of rows) {
      const { id, conversationId } = row;
      if (row.event !== null) {
        const { content, event } = erasedEvent(row);
        this.#messages.rewrite(id, content, event);
      } else {
        erased += 1;
        if (erasure.keepsMessages === 0) this.#messages.erase(id, erasure.requestedMs);
      }
      this.#statements.unname.run(ERASED_NAME, id);
      this.#statements.touch.run(userId, conversationId);
    }
    this.#statements.count.run(erased, userId);
  }
}

function prepare(db: Database) {
  return {
    begin: db.query<null, [userId: string, requestedMs: number, keepsMessages: 0 | 1]>(
      `INSERT INTO erasures (user_id, requested_ms, keeps_messages) VALUES (?, ?, ?)
       ON CONFLICT (user_id) DO UPDATE
       SET requested_ms = iif(done_ms IS NULL, requested_ms, excluded.requested_ms),
           keeps_messages = excluded.keeps_messages,
           done_ms = NULL, erased_messages = 0, stage = 0, stage_after = NULL
       WHERE done_ms IS NOT NULL OR keeps_messages > excluded.keeps_messages`,
    ),
    erasure: db.query<ErasureRow, [userId: string]>(
      `SELECT requested_ms AS requestedMs, keeps_messages AS keepsMessages, stage,
              stage_after AS stageAfter
       FROM erasures WHERE user_id = ? AND done_ms IS NULL`,
    ),
    advance: db.query<null, [stage: number, stageAfter: string | null, userId: string]>(
      "UPDATE erasures SET stage = ?, stage_after = ? WHERE user_id = ?",
    ),
    count: db.query<null, [erased: number, userId: string]>(
      "UPDATE erasures SET erased_messages = erased_messages + ? WHERE user_id = ?",
    ),
    finish: db.query<null, [doneMs: number, userId: string, keepsMessages: 0 | 1]>(
      `UPDATE erasures SET done_ms = ?
       WHERE user_id = ? AND done_ms IS NULL AND keeps_messages = ?`,
    ),
    touch: db.query<null, [userId: string, conversationId: string]>(
      `INSERT INTO erasures_untold (user_id, conversation_id) VALUES (?, ?)
       ON CONFLICT (user_id, conversation_id) DO NOTHING`,
    ),
    told: db.query<null, [userId: string, conversationId: string]>(
      "DELETE FROM erasures_untold WHERE user_id = ? AND conversation_id = ?",
    ),
    allTold: db.query<null, [userId: string]>("DELETE FROM erasures_untold WHERE user_id = ?"),
    unname: db.query<null, [name: string, messageId: string]>(
      "UPDATE messages SET sender_name = ? WHERE id = ?",
    ),
    forgetPreferences: db.query<null, [conversationId: string, userId: string]>(
      `UPDATE members SET muted_until_ms = NULL, archived_ms = NULL, pinned_ms = NULL
       WHERE conversation_id = ? AND user_id = ?`,
    ),
    forgetUser: db.query<null, [userId: string]>("DELETE FROM users WHERE user_id = ?"),
    memberships: db.query<
      { conversationId: string },
      [userId: string, after: string, limit: number]
    >(ERASURE_READS.memberships),
    forgetClientIds: db.query<null, [userId: string, limit: number]>(ERASURE_READS.forgetClientIds),
    messages: db.query<MessageRow, [userId: string, afterRow: number, limit: number]>(
      ERASURE_READS.messages,
    ),
    forgetReactions: db.query<null, [userId: string, limit: number]>(ERASURE_READS.forgetReactions),
    forgetInvites: db.query<null, [userId: string, limit: number]>(ERASURE_READS.forgetInvites),
    forgetRemoved: db.query<null, [userId: string, limit: number]>(ERASURE_READS.forgetRemoved),
    discardFiles: db.query<null, [userId: string, limit: number]>(ERASURE_READS.discardFiles),
    forgetDeadLetters: db.query<null, [userId: string, limit: number]>(
      ERASURE_READS.forgetDeadLetters,
    ),
    forgetNotices: db.query<null, [userId: string, limit: number]>(ERASURE_READS.forgetNotices),
    forgetLastNotices: db.query<null, [userId: string]>(
      `DELETE FROM notices WHERE target_id IN (SELECT id FROM notice_targets WHERE user_id = ?)`,
    ),
    forgetTargets: db.query<null, [userId: string]>("DELETE FROM notice_targets WHERE user_id = ?"),
    forgetWishes: db.query<null, [userId: string]>(
      "DELETE FROM notice_preferences WHERE user_id = ?",
    ),
  };
}
