import { AppError } from "../errors.ts";
import type { MaybePromise } from "../maybe-promise.ts";

/** A user does not want to hear from another. */
export interface Block {
  readonly blockerId: string;
  readonly blockedId: string;
}

/** Where blocks are kept. */
export interface BlockStore {
  /**
   * From then on the block is there, or not, whatever was before. Resolves when it is durable;
   * rejects with AppError STORAGE_UNAVAILABLE when nothing was written.
   */
  put(block: Block, isBlocked: boolean): Promise<void>;
  all(): MaybePromise<Block[]>;
  /** Those of them that are kept, in no particular order. */
  kept(blocks: readonly Block[]): MaybePromise<Block[]>;
}

/** Hears of a block that begins, or ends. */
export type BlockListener = (block: Block, isBlocked: boolean) => void;

/** Who blocks whom, in memory as well, so that a look costs no wait. */
export class Blocks {
  readonly #ofBlocker = new Map<string, Set<string>>();
  readonly #ofBlocked = new Map<string, Set<string>>();
  /** By pair: what is on its way to disk. */
  readonly #pending = new Map<string, PendingChanges>();
  readonly #listeners: BlockListener[] = [];
  readonly #keptListeners: ((block: Block) => void)[] = [];
  /** Of each look at the store under way: pairs of which this node knows more than it will find. */
  readonly #looks = new Set<Set<string>>();

  constructor(
    readonly store: BlockStore,
    /** Users that one may block. */
    readonly capacity: number,
    kept: readonly Block[],
  ) {
    for (const block of kept) this.#set(block, true);
  }

  /** Hears of changes in the turn that makes them. */
  onChange(listener: BlockListener): void {
    this.#listeners.push(listener);
  }

  /** Hears of pairs whose change here is durable. */
  onKept(listener: (block: Block) => void): void {
    this.#keptListeners.push(listener);
  }

  /**
   * Others have changed these in the store: what holds there holds here, when it resolves. Resolves
   * with those that are on their way to disk from here, which are to be looked up again afterwards.
   * Rejects with STORAGE_UNAVAILABLE.
   */
  async renew(blocks: readonly Block[]): Promise<Block[]> {
    const look = this.#look();
    try {
      const kept = new Set((await this.store.kept(blocks)).map(pairOf));
      for (const block of blocks) {
        const pair = pairOf(block);
        if (!look.has(pair)) this.#apply(block, kept.has(pair));
      }
      return blocks.filter((block) => look.has(pairOf(block)));
    } finally {
      this.#looks.delete(look);
    }
  }

  /** As `renew`, of all there are. */
  async renewAll(): Promise<Block[]> {
    const look = this.#look();
    try {
      const kept = await this.store.all();
      const pairs = new Set(kept.map(pairOf));
      for (const block of this.#all()) {
        const pair = pairOf(block);
        if (!pairs.has(pair) && !look.has(pair)) this.#apply(block, false);
      }
      for (const block of kept) if (!look.has(pairOf(block))) this.#apply(block, true);
      return [...look].map(blockOf);
    } finally {
      this.#looks.delete(look);
    }
  }

  /** One of the two blocks the other. */
  isBetween(userId: string, otherId: string): boolean {
    return this.has(userId, otherId) || this.has(otherId, userId);
  }

  has(blockerId: string, blockedId: string): boolean {
    return this.#ofBlocker.get(blockerId)?.has(blockedId) === true;
  }

  /** At least one user blocks this one. */
  isBlockedBySomebody(userId: string): boolean {
    return this.#ofBlocked.has(userId);
  }

  /** Those who block the user. */
  against(blockedId: string): string[] {
    return [...(this.#ofBlocked.get(blockedId) ?? [])];
  }

  /** In the order of their blocking. */
  of(blockerId: string): string[] {
    return [...(this.#ofBlocker.get(blockerId) ?? [])];
  }

  /**
   * Holds from the call on; resolves when it is durable. Rejects with STORAGE_UNAVAILABLE when nothing
   * was written, and then what was before holds. Throws VALIDATION_FAILED for oneself, TOO_MANY_BLOCKS.
   */
  block(blockerId: string, blockedId: string): Promise<void> {
    if (blockerId === blockedId) {
      throw new AppError("VALIDATION_FAILED", "userId: must be somebody else");
    }
    const count = this.#ofBlocker.get(blockerId)?.size ?? 0;
    if (count >= this.capacity && !this.has(blockerId, blockedId)) {
      throw new AppError("TOO_MANY_BLOCKS", `A user blocks at most ${this.capacity} others`);
    }
    return this.#change({ blockerId, blockedId }, true);
  }

  /** As `block`. */
  unblock(blockerId: string, blockedId: string): Promise<void> {
    return this.#change({ blockerId, blockedId }, false);
  }

  /**
   * Written also where it seems to hold already: the write of that may be on its way still, and another
   * node may have changed it, of which this one has not heard.
   */
  async #change(block: Block, isBlocked: boolean): Promise<void> {
    const pair = pairOf(block);
    const isHeld = this.has(block.blockerId, block.blockedId) === isBlocked;
    // Not on disk, where that is under way, or where another node has changed it just now.
    if (isHeld && !this.#pending.has(pair) && (await this.#isKept(block)) === isBlocked) return;
    const wasBlocked = this.has(block.blockerId, block.blockedId);
    const pending = this.#pending.get(pair) ?? { count: 0, isKept: wasBlocked };
    pending.count += 1;
    this.#pending.set(pair, pending);
    for (const look of this.#looks) look.add(pair);
    this.#apply(block, isBlocked);
    try {
      await this.store.put(block, isBlocked);
      pending.isKept = isBlocked;
    } finally {
      pending.count -= 1;
      if (pending.count === 0) {
        this.#pending.delete(pair);
        this.#apply(block, pending.isKept);
      }
    }
    for (const listener of this.#keptListeners) listener(block);
  }

  async #isKept(block: Block): Promise<boolean> {
    return (await this.store.kept([block])).length > 0;
  }

  #look(): Set<string> {
    const look = new Set(this.#pending.keys());
    this.#looks.add(look);
    return look;
  }

  #all(): Block[] {
    return [...this.#ofBlocker].flatMap(([blockerId, blockedIds]) =>
      [...blockedIds].map((blockedId) => ({ blockerId, blockedId })),
    );
  }

  #apply(block: Block, isBlocked: boolean): void {
    if (this.has(block.blockerId, block.blockedId) === isBlocked) return;
    this.#set(block, isBlocked);
    for (const listener of this.#listeners) listener(block, isBlocked);
  }

  #set({ blockerId, blockedId }: Block, isBlocked: boolean): void {
    put(this.#ofBlocker, blockerId, blockedId, isBlocked);
    put(this.#ofBlocked, blockedId, blockerId, isBlocked);
  }
}

/** Changes of one pair, which are kept in their order. */
interface PendingChanges {
  count: number;
  /** The block is on disk. */
  isKept: boolean;
}

/** Ids hold no space. */
function pairOf({ blockerId, blockedId }: Block): string {
  return `${blockerId} ${blockedId}`;
}

function blockOf(pair: string): Block {
  const [blockerId = "", blockedId = ""] = pair.split(" ");
  return { blockerId, blockedId };
}

function put(sets: Map<string, Set<string>>, key: string, value: string, isThere: boolean): void {
  const known = sets.get(key);
  if (isThere) {
    if (known === undefined) sets.set(key, new Set([value]));
    else known.add(value);
  } else if (known?.delete(value) === true && known.size === 0) {
    sets.delete(key);
  }
}

/** The same whoever of the two blocks the other. */
export function blocked(): AppError {
  return new AppError("BLOCKED", "One of you has blocked the other");
}
