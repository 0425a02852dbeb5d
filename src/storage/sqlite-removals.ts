import type { Database } from "bun:sqlite";
import type { ExpiryPortion, ExpiryProgress, RetentionRule } from "../chat/ports.ts";
import { type ConversationBottom, countExpired, hasExpired, type Timed } from "./expiry.ts";

/** What retention asks and writes, each by an index. */
export const REMOVALS = {
  bottoms: `
    SELECT conversations.id, conversations.last_seq AS lastSeq,
           bottom.seq AS bottomSeq, bottom.timestamp_ms AS bottomMs
    FROM conversations
    LEFT JOIN messages AS bottom
      ON bottom.conversation_id = conversations.id
      AND bottom.seq = (
        SELECT seq FROM messages WHERE messages.conversation_id = conversations.id
        ORDER BY seq LIMIT 1
      )
    WHERE conversations.id > ?
    ORDER BY conversations.id LIMIT ?`,

  bottomMessages: `
    SELECT seq, timestamp_ms AS timestampMs FROM messages
    WHERE conversation_id = ? ORDER BY seq LIMIT ?`,

  keepIdentities: `
    INSERT INTO removed_messages (sender_id, client_message_id, id, conversation_id, seq, recipient_id)
    SELECT sender_id, client_message_id, id, conversation_id, seq, recipient_id FROM messages
    WHERE conversation_id = ? AND seq <= ? AND client_message_id IS NOT NULL`,

  removeVersions: `
    DELETE FROM message_versions WHERE message_id IN (
      SELECT id FROM messages WHERE conversation_id = ? AND seq <= ? AND edited_ms IS NOT NULL
    )`,

  removeReactions: `
    DELETE FROM reactions WHERE message_id IN (
      SELECT id FROM messages WHERE conversation_id = ? AND seq <= ?
    )`,

  remove: "DELETE FROM messages WHERE conversation_id = ? AND seq <= ?",
} as const;

/** Removes expired messages, a portion at a time. Transactions are the caller's. */
export class Removals {
  readonly #statements: ReturnType<typeof prepare>;

  /** The database must be migrated. */
  constructor(db: Database) {
    this.#statements = prepare(db);
  }

  /** Throws the engine's error, and may then have removed some. */
  apply({ after, limit, ...rule }: ExpiryPortion): ExpiryProgress {
    const rows = this.#statements.bottoms.all(after ?? "", limit);
    let removed = 0;
    let through = after;
    for (const bottom of rows) {
      if (hasExpired(bottom, rule)) {
        removed += this.#removeFrom(bottom, rule, limit - removed);
        // There may be more of it: the next portion looks at it again.
        if (removed >= limit) return { removed, next: through ?? "" };
      }
      through = bottom.id;
    }
    return { removed, next: rows.length < limit ? null : through };
  }

  #removeFrom({ id, lastSeq }: ConversationBottom, rule: RetentionRule, room: number): number {
    const lowest = this.#statements.bottomMessages.all(id, room);
    const count = countExpired(lowest, lastSeq, rule);
    const upto = lowest[count - 1];
    if (upto === undefined) return 0;
    this.#statements.keepIdentities.run(id, upto.seq);
    this.#statements.removeVersions.run(id, upto.seq);
    this.#statements.removeReactions.run(id, upto.seq);
    this.#statements.remove.run(id, upto.seq);
    return count;
  }
}

function prepare(db: Database) {
  return {
    bottoms: db.query<ConversationBottom, [afterId: string, limit: number]>(REMOVALS.bottoms),
    bottomMessages: db.query<Timed, [conversationId: string, limit: number]>(
      REMOVALS.bottomMessages,
    ),
    keepIdentities: db.query<null, [conversationId: string, uptoSeq: number]>(
      REMOVALS.keepIdentities,
    ),
    removeVersions: db.query<null, [conversationId: string, uptoSeq: number]>(
      REMOVALS.removeVersions,
    ),
    removeReactions: db.query<null, [conversationId: string, uptoSeq: number]>(
      REMOVALS.removeReactions,
    ),
    remove: db.query<null, [conversationId: string, uptoSeq: number]>(REMOVALS.remove),
  };
}
