import type { Database } from "bun:sqlite";
import type { BlockWrite } from "./sqlite-block-store.ts";

/** Writes blocks, within a transaction of the caller's. */
export class BlockWrites {
  readonly #statements: ReturnType<typeof prepare>;

  constructor(db: Database) {
    this.#statements = prepare(db);
  }

  /** In their order. */
  apply(writes: readonly BlockWrite[]): void {
    const { add, remove } = this.#statements;
    for (const { blockerId, blockedId, isBlocked } of writes) {
      (isBlocked ? add : remove).run(blockerId, blockedId);
    }
  }
}

function prepare(db: Database) {
  return {
    add: db.query<null, [blockerId: string, blockedId: string]>(
      `INSERT INTO blocks (blocker_id, blocked_id, position)
       VALUES (?1, ?2, (SELECT coalesce(max(position), 0) + 1 FROM blocks WHERE blocker_id = ?1))
       ON CONFLICT (blocker_id, blocked_id) DO NOTHING`,
    ),
    remove: db.query<null, [blockerId: string, blockedId: string]>(
      "DELETE FROM blocks WHERE blocker_id = ? AND blocked_id = ?",
    ),
  };
}
