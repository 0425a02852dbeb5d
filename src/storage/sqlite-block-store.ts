import type { Database } from "bun:sqlite";
import type { Block, BlockStore } from "../chat/blocks.ts";
import type { Commits } from "./sqlite-commits.ts";
import { answer } from "./sqlite-reader.ts";
import { READS } from "./sqlite-reads.ts";

/** A block, or the end of one, as it crosses to the writer. */
export interface BlockWrite extends Block {
  readonly isBlocked: boolean;
}

/** Blocks in an SQLite database; read at once, over `reader`. */
export class SqliteBlockStore implements BlockStore {
  readonly #commits: Commits;
  readonly #reads: ReturnType<typeof prepare>;

  constructor(commits: Commits, reader: Database) {
    this.#commits = commits;
    this.#reads = prepare(reader);
  }

  put({ blockerId, blockedId }: Block, isBlocked: boolean): Promise<void> {
    const write: BlockWrite = { blockerId, blockedId, isBlocked };
    return this.#commits.commit(
      "blocks",
      () => JSON.stringify(write),
      () => (answer(() => this.#reads.one.get(blockerId, blockedId)) !== null) === isBlocked,
    );
  }

  all(): Block[] {
    return answer(() => this.#reads.all.all());
  }
}

function prepare(db: Database) {
  return {
    all: db.query<Block, []>(READS.blocks),
    one: db.query<Block, [blockerId: string, blockedId: string]>(READS.block),
  };
}
