import type { Database } from "bun:sqlite";
import type { InviteWrite } from "./sqlite-invite-store.ts";

/** Writes invites, within a transaction of the caller's. */
export class InviteWrites {
  readonly #statements: ReturnType<typeof prepare>;

  constructor(db: Database) {
    this.#statements = prepare(db);
  }

  /** In their order. */
  apply(writes: readonly InviteWrite[]): void {
    const { put, remove } = this.#statements;
    for (const write of writes) {
      if (write.kind === "remove") {
        remove.run(write.code);
        continue;
      }
      const { code, conversationId, creatorId, createdMs, expiresMs } = write.invite;
      put.run(code, conversationId, creatorId, createdMs, expiresMs);
    }
  }
}

function prepare(db: Database) {
  return {
    put: db.query<
      null,
      [
        code: string,
        conversationId: string,
        creatorId: string,
        createdMs: number,
        expiresMs: number | null,
      ]
    >(
      `INSERT INTO invites (code, conversation_id, creator_id, created_ms, expires_ms)
       VALUES (?, ?, ?, ?, ?) ON CONFLICT (code) DO NOTHING`,
    ),
    remove: db.query<null, [code: string]>("DELETE FROM invites WHERE code = ?"),
  };
}
