import type { Database } from "bun:sqlite";
import type { Block, BlockStore } from "../chat/blocks.ts";
import type { Commits } from "./sqlite-commits.ts";
import { answer } from "./sqlite-reader.ts";
import { READS } from "./sqlite-reads.ts";

/** A block, or the end of one, as it crosses to the writer. */
export interface BlockWrite extends Block {
  readonly isBlocked: boolean;
}

/** Writes that wait for their turn, and are committed together. */
interface Batch {
  readonly writes: BlockWrite[];
  readonly committed: Promise<void>;
}

/**
 * Blocks in an SQLite database; read at once, over `reader`. However many users block others, two
 * commits at most wait among those of other stores.
 */
export class SqliteBlockStore implements BlockStore {
  readonly #commits: Commits;
  readonly #reads: ReturnType<typeof prepare>;
  #open: Batch | null = null;

  constructor(commits: Commits, reader: Database) {
    this.#commits = commits;
    this.#reads = prepare(reader);
  }

  put({ blockerId, blockedId }: Block, isBlocked: boolean): Promise<void> {
    this.#open ??= this.#begin();
    this.#open.writes.push({ blockerId, blockedId, isBlocked });
    return this.#open.committed;
  }

  all(): Block[] {
    return answer(() => this.#reads.all.all());
  }

  #begin(): Batch {
    const writes: BlockWrite[] = [];
    const take = () => {
      this.#open = null;
      return JSON.stringify(writes);
    };
    // All are there or none, so one tells; the last of them, which no other has undone.
    const isThere = () => writes.slice(-1).every((write) => this.#holds(write));
    return { writes, committed: this.#commits.commit("blocks", take, isThere) };
  }

  #holds({ blockerId, blockedId, isBlocked }: BlockWrite): boolean {
    return (answer(() => this.#reads.one.get(blockerId, blockedId)) !== null) === isBlocked;
  }
}

function prepare(db: Database) {
  return {
    all: db.query<Block, []>(READS.blocks),
    one: db.query<Block, [blockerId: string, blockedId: string]>(READS.block),
  };
}
