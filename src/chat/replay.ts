import { AppError } from "../errors.ts";
import { CatchUp } from "./catch-up.ts";
import type { Conversations } from "./conversations.ts";
import type { Journal } from "./journal.ts";
import type { ChatStore } from "./ports.ts";
import type { RecentMessages } from "./recent-messages.ts";
import type { ConversationHead, StoredMessage } from "./stored-chats.ts";
import { Sync, type SyncRequest } from "./sync.ts";

/** Syncs of one device that may wait for each other. */
const MOST_SYNCS = 16;

/** One subscription of a device to its user's messages. */
export interface ReplayReader {
  readonly isOpen: boolean;
  /** Until `goLive`, live messages go to `receive` and not to the device. */
  hold(receive: (message: StoredMessage) => void): void;
  goLive(): void;
  /** Hands over one message, marked `replay`. */
  replay(message: StoredMessage): void;
  /** Room for more: null at once, else a promise that resolves also when the device is gone. */
  ready(): Promise<void> | null;
}

export interface ReplayOptions {
  readonly store: ChatStore;
  readonly conversations: Conversations;
  readonly journal: Journal;
  readonly recent: RecentMessages;
  /** null: no other node writes to the store. */
  readonly shared: SharedMessages | null;
}

/** The conversations of a user in which something may not have been told yet. */
export interface RecentHeads {
  /** What is not above it has been told. */
  readonly afterId: string;
  /** Up to where each goes in the store. */
  readonly heads: readonly ConversationHead[];
}

/** Messages of a store that other nodes write to. */
export interface SharedMessages {
  /** Resolves when what other nodes tell the user from then on arrives here; null: it does. */
  heard(userId: string): Promise<void> | null;
  /** See `MissedNotices`. */
  recent(userId: string, reader: { readonly isOpen: boolean }): Promise<RecentHeads>;
  settle(heads: RecentHeads["heads"], reader: { readonly isOpen: boolean }): Promise<void>;
  isFresh(message: StoredMessage): boolean;
  reach(conversationId: string, seq: number): Promise<void> | null;
}

/**
 * Sends one device what it misses, each conversation in `seq` order, and joins it to the live
 * messages without a gap or a doubled message: they are held from before the first read, and those
 * beyond what was replayed follow it.
 *
 * What it misses is, when it subscribes, what the user has received on no device; and whenever it
 * says with a sync how far it has come itself, everything after that. The first sync speaks of what
 * the device had before it subscribed: what the subscription has brought since is not sent again,
 * unless something before it is missing. Later ones are taken at their word.
 */
export class Replay {
  readonly #options: ReplayOptions;
  readonly #userId: string;
  readonly #reader: ReplayReader;
  #current: CatchUp | null = null;
  #hasSynced = false;
  /**
   * Until the first sync is done: from where on this subscription was sent everything, by
   * conversation. What it was not sent are one's own messages, of other devices perhaps, and what
   * retention has removed.
   */
  #beginnings: Map<string, number> | null = null;

  constructor(options: ReplayOptions, userId: string, reader: ReplayReader) {
    this.#options = options;
    this.#userId = userId;
    this.#reader = reader;
  }

  /** Of syncs that wait for the device. */
  get heldBytes(): number {
    let bytes = 0;
    for (const { request } of this.#current?.syncs ?? []) bytes += request.bytes;
    return bytes;
  }

  /**
   * The subscription has just been opened. `syncs` came before it: they say where it begins. Resolves
   * when the device is live, or gone. Rejects with STORAGE_UNAVAILABLE when it would miss messages
   * unknowingly: then it must come again.
   */
  start(syncs: readonly SyncRequest[]): Promise<void> {
    return this.#run(syncs, (catchUp) => catchUp.ofNew());
  }

  /**
   * As `start`, for a sync that comes while the subscription is open; one that comes during another
   * replay resolves at once and is answered with it. Throws RATE_LIMITED.
   */
  sync(request: SyncRequest): Promise<void> {
    const current = this.#current;
    if (current === null || current.isDone) {
      return this.#run([request], (catchUp) => catchUp.ofLive());
    }
    if (current.syncs.length >= MOST_SYNCS) {
      throw new AppError("RATE_LIMITED", "Too many syncs wait for each other; ask again later");
    }
    this.#add(current, request);
    return Promise.resolve();
  }

  async #run(
    syncs: readonly SyncRequest[],
    catchUp: (catchUp: CatchUp) => Promise<void>,
  ): Promise<void> {
    const beginnings = this.#beginnings ?? new Map<string, number>();
    this.#beginnings = beginnings;
    const current = new CatchUp(this.#options, this.#userId, this.#reader, beginnings);
    this.#current = current;
    for (const request of syncs) this.#add(current, request);
    try {
      await catchUp(current);
    } finally {
      if (this.#current === current) this.#current = null;
      // Nothing noted is as good as none kept.
      this.#beginnings = this.#hasSynced || beginnings.size === 0 ? null : beginnings;
    }
  }

  #add(catchUp: CatchUp, request: SyncRequest): void {
    catchUp.add(new Sync(request, !this.#hasSynced));
    this.#hasSynced = true;
  }
}
