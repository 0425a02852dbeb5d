import type { Database } from "bun:sqlite";
import type { Block, BlockStore } from "../chat/blocks.ts";
import type { GroupedWrites } from "./grouped-writes.ts";
import type { Commits } from "./sqlite-commits.ts";
import { groupedWrites } from "./sqlite-grouped-writes.ts";
import { answer } from "./sqlite-reader.ts";
import { READS } from "./sqlite-reads.ts";

/** A block, or the end of one, as it crosses to the writer. */
export interface BlockWrite extends Block {
  readonly isBlocked: boolean;
}

/** Blocks in an SQLite database; read at once, over `reader`. */
export class SqliteBlockStore implements BlockStore {
  readonly #reads: ReturnType<typeof prepare>;
  readonly #writes: GroupedWrites<BlockWrite>;

  constructor(commits: Commits, reader: Database) {
    this.#reads = prepare(reader);
    this.#writes = groupedWrites(commits, "blocks", (write) => this.#holds(write));
  }

  put({ blockerId, blockedId }: Block, isBlocked: boolean): Promise<void> {
    return this.#writes.add({ blockerId, blockedId, isBlocked });
  }

  all(): Block[] {
    return answer(() => this.#reads.all.all());
  }

  kept(blocks: readonly Block[]): Block[] {
    return blocks.filter((block) => this.#isKept(block));
  }

  #holds({ isBlocked, ...block }: BlockWrite): boolean {
    return this.#isKept(block) === isBlocked;
  }

  #isKept({ blockerId, blockedId }: Block): boolean {
    return answer(() => this.#reads.one.get(blockerId, blockedId)) !== null;
  }
}

function prepare(db: Database) {
  return {
    all: db.query<Block, []>(READS.blocks),
    one: db.query<Block, [blockerId: string, blockedId: string]>(READS.block),
  };
}
