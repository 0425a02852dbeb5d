import type { Database } from "bun:sqlite";

/** The one place where what a message says is taken out of the database while the message stays. */
export class MessageErasure {
  readonly #statements: ReturnType<typeof prepare>;

  constructor(db: Database) {
    this.#statements = prepare(db);
  }

  /**
   * Its content, what it said before, its attachments, its reactions, its mentions and its pin go. One that has been deleted keeps the
   * time of that. Transactions are the caller's.
   */
  erase(messageId: string, deletedMs: number): void {
    this.#statements.erase.run(deletedMs, messageId);
    this.#statements.forgetVersions.run(messageId);
    this.#statements.forgetReactions.run(messageId);
  }

  /** In place of what it said. */
  rewrite(messageId: string, content: string, event: string | null): void {
    this.#statements.rewrite.run(content, event, messageId);
  }
}

function prepare(db: Database) {
  return {
    erase: db.query<null, [deletedMs: number, messageId: string]>(
      `UPDATE messages
       SET content = '', deleted_ms = coalesce(deleted_ms, ?), pinned_ms = NULL, mentions = NULL,
           attachments = NULL
       WHERE id = ?`,
    ),
    forgetVersions: db.query<null, [messageId: string]>(
      "DELETE FROM message_versions WHERE message_id = ?",
    ),
    forgetReactions: db.query<null, [messageId: string]>(
      "DELETE FROM reactions WHERE message_id = ?",
    ),
    rewrite: db.query<null, [content: string, event: string | null, messageId: string]>(
      "UPDATE messages SET content = ?, event = ? WHERE id = ?",
    ),
  };
}
