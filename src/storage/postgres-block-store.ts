import type { Block, BlockStore } from "../chat/blocks.ts";
import type { GroupedWrites } from "./grouped-writes.ts";
import type { PostgresDatabase } from "./postgres-database.ts";
import { toPostgresJson } from "./postgres-text.ts";
import { answered, type PostgresWrites } from "./postgres-writes.ts";

interface BlockWrite extends Block {
  readonly isBlocked: boolean;
}

export const BLOCK_READS = {
  all: `
    SELECT blocker_id AS "blockerId", blocked_id AS "blockedId" FROM blocks
    ORDER BY blocker_id, position`,

  kept: `
    SELECT "blockerId", "blockedId"
    FROM json_to_recordset($1::text::json) AS given ("blockerId" text, "blockedId" text)
    CROSS JOIN LATERAL (
      SELECT FROM blocks WHERE blocker_id = "blockerId" AND blocked_id = "blockedId" OFFSET 0
    ) AS kept`,
} as const;

const BLOCK_WRITES = {
  add: `
    INSERT INTO blocks (blocker_id, blocked_id) VALUES ($1, $2)
    ON CONFLICT (blocker_id, blocked_id) DO NOTHING`,
  remove: "DELETE FROM blocks WHERE blocker_id = $1 AND blocked_id = $2",
} as const;

/** Blocks in PostgreSQL. */
export class PostgresBlockStore implements BlockStore {
  readonly #db: PostgresDatabase;
  readonly #writes: GroupedWrites<BlockWrite>;

  constructor(db: PostgresDatabase, writes: PostgresWrites) {
    this.#db = db;
    this.#writes = writes.grouped((query, blocks) =>
      Promise.all(
        blocks.map(({ blockerId, blockedId, isBlocked }) =>
          query(isBlocked ? BLOCK_WRITES.add : BLOCK_WRITES.remove, [blockerId, blockedId]),
        ),
      ),
    );
  }

  put({ blockerId, blockedId }: Block, isBlocked: boolean): Promise<void> {
    return this.#writes.add({ blockerId, blockedId, isBlocked });
  }

  all(): Promise<Block[]> {
    return answered(this.#db.read(BLOCK_READS.all));
  }

  kept(blocks: readonly Block[]): Promise<Block[]> {
    return answered(this.#db.read(BLOCK_READS.kept, [toPostgresJson(blocks)]));
  }
}
