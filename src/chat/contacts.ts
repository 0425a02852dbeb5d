import { type MaybePromise, whenReady } from "../maybe-promise.ts";
import type { Conversation } from "./conversation.ts";
import type { PendingChange } from "./open-batch.ts";
import type { ChatStore } from "./ports.ts";

/** Of one user; who has more is seen by these. */
const MOST_CONTACTS = 20_000;

/** Between the users of the two sets; on its way to disk. */
interface PendingMeeting {
  readonly kind: "met" | "parted";
  readonly some: ReadonlySet<string>;
  readonly others: ReadonlySet<string>;
}

export interface ContactsOptions {
  readonly store: ChatStore;
  /** Nobody asks: then nothing is kept track of. */
  readonly isUsed: boolean;
  /** Contacts of these users are kept in memory, until `forget`. */
  readonly isKept: (userId: string) => boolean;
}

/**
 * Who shares a conversation with whom. The store is asked when somebody wants to know; what it does
 * not have yet is reckoned in: who has met is a contact at once. Who has parted is none until the
 * disk knows, and then only for the conversations that are left.
 */
export class Contacts {
  readonly #options: ContactsOptions;
  readonly #kept = new Map<string, ReadonlySet<string>>();
  readonly #pending = new Set<PendingMeeting>();
  /** The last read of each user's that is under way, and of which nothing has changed since. */
  readonly #reads = new Map<string, symbol>();
  readonly #listeners: ((userId: string | null) => void)[] = [];

  constructor(options: ContactsOptions) {
    this.#options = options;
  }

  /** Somebody asks. */
  get isUsed(): boolean {
    return this.#options.isUsed;
  }

  /** Without the user. Throws STORAGE_UNAVAILABLE. */
  of(userId: string): MaybePromise<ReadonlySet<string>> {
    const kept = this.#kept.get(userId);
    if (kept !== undefined) return this.#current(userId, kept);
    const { store, isKept } = this.#options;
    const read = Symbol();
    this.#reads.set(userId, read);
    return whenReady(store.contactsOf(userId, MOST_CONTACTS), (stored) => {
      const contacts = new Set(stored);
      if (this.#reads.get(userId) === read) {
        this.#reads.delete(userId);
        if (isKept(userId)) this.#kept.set(userId, contacts);
      }
      return this.#current(userId, contacts);
    });
  }

  /** Hears of each user whose contacts may be others from now on; null: of all of them. */
  onChange(listener: (userId: string | null) => void): void {
    this.#listeners.push(listener);
  }

  forget(userId: string): void {
    this.#kept.delete(userId);
    this.#changed(userId);
  }

  /** Other nodes may have changed anybody's. */
  forgetAll(): void {
    this.#kept.clear();
    this.#reads.clear();
    for (const listener of this.#listeners) listener(null);
  }

  /** They share a conversation, of which this node has perhaps not known: other nodes open some. */
  share(userIds: Iterable<string>): void {
    if (!this.isUsed) return;
    const all = [...userIds];
    for (const userId of all) {
      const kept = this.#kept.get(userId);
      if (kept === undefined) continue;
      const isKnown = all.every((otherId) => otherId === userId || kept.has(otherId));
      if (!isKnown) this.forget(userId);
    }
  }

  /** They are all members of a new conversation. Call what is returned when that is settled. */
  met(some: Iterable<string>, others: Iterable<string>): () => void {
    return this.#change("met", some, others);
  }

  /** They share one conversation less. Call what is returned when that is settled. */
  parted(userId: string, others: Iterable<string>): () => void {
    return this.#change("parted", [userId], others);
  }

  /** For the journal, beside the conversation that was opened; null if nobody asks. */
  opened(conversation: Conversation): PendingChange | null {
    if (!this.isUsed) return null;
    const settled = this.met(conversation.members.keys(), conversation.members.keys());
    const noChange = () => {};
    const hooks = { committed: settled, undo: noChange, refused: settled };
    return { what: { change: "created", conversation }, ...hooks };
  }

  #change(kind: PendingMeeting["kind"], a: Iterable<string>, b: Iterable<string>): () => void {
    if (!this.isUsed) return () => {};
    const change = { kind, some: new Set(a), others: new Set(b) };
    this.#pending.add(change);
    const concerned = change.some.union(change.others);
    for (const userId of concerned) this.#changed(userId);
    return () => {
      this.#pending.delete(change);
      for (const userId of concerned) this.forget(userId);
    };
  }

  #changed(userId: string): void {
    this.#reads.delete(userId);
    for (const listener of this.#listeners) listener(userId);
  }

  #current(userId: string, stored: ReadonlySet<string>): ReadonlySet<string> {
    let current: Set<string> | null = null;
    for (const { kind, some, others } of this.#pending) {
      const opposite = [...(some.has(userId) ? others : []), ...(others.has(userId) ? some : [])];
      if (opposite.length === 0) continue;
      current ??= new Set(stored);
      for (const otherId of opposite) {
        if (kind === "parted") current.delete(otherId);
        else if (otherId !== userId) current.add(otherId);
      }
    }
    return current ?? stored;
  }
}
