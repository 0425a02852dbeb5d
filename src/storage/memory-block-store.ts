import type { Block, BlockStore } from "../chat/blocks.ts";
import { unavailable } from "./sqlite-errors.ts";

export class MemoryBlockStore implements BlockStore {
  readonly #kept = new Map<string, Block>();
  #isClosed = false;

  async put({ blockerId, blockedId }: Block, isBlocked: boolean): Promise<void> {
    if (this.#isClosed) throw unavailable("the store is closed");
    const pair = pairOf({ blockerId, blockedId });
    if (!isBlocked) this.#kept.delete(pair);
    else if (!this.#kept.has(pair)) this.#kept.set(pair, { blockerId, blockedId });
  }

  all(): Block[] {
    if (this.#isClosed) throw unavailable("the store is closed");
    return [...this.#kept.values()];
  }

  kept(blocks: readonly Block[]): Block[] {
    if (this.#isClosed) throw unavailable("the store is closed");
    return blocks.filter((block) => this.#kept.has(pairOf(block)));
  }

  close(): void {
    this.#isClosed = true;
  }
}

function pairOf({ blockerId, blockedId }: Block): string {
  return JSON.stringify([blockerId, blockedId]);
}
