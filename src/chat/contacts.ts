import { type MaybePromise, whenReady } from "../maybe-promise.ts";
import type { Conversation } from "./conversations.ts";
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
  #changes = 0;

  constructor(options: ContactsOptions) {
    this.#options = options;
  }

  /** Without the user. Throws STORAGE_UNAVAILABLE. */
  of(userId: string): MaybePromise<ReadonlySet<string>> {
    const kept = this.#kept.get(userId);
    if (kept !== undefined) return this.#current(userId, kept);
    const { store, isKept } = this.#options;
    const changes = this.#changes;
    return whenReady(store.contactsOf(userId, MOST_CONTACTS), (stored) => {
      const contacts = new Set(stored);
      if (changes === this.#changes && isKept(userId)) this.#kept.set(userId, contacts);
      return this.#current(userId, contacts);
    });
  }

  forget(userId: string): void {
    this.#kept.delete(userId);
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
    if (!this.#options.isUsed) return null;
    const settled = this.met(conversation.members.keys(), conversation.members.keys());
    const noChange = () => {};
    const hooks = { committed: settled, undo: noChange, refused: settled };
    return { what: { change: "created", conversation }, ...hooks };
  }

  #change(kind: PendingMeeting["kind"], a: Iterable<string>, b: Iterable<string>): () => void {
    if (!this.#options.isUsed) return () => {};
    const change = { kind, some: new Set(a), others: new Set(b) };
    this.#changes += 1;
    this.#pending.add(change);
    return () => {
      this.#changes += 1;
      this.#pending.delete(change);
      for (const userId of change.some) this.#kept.delete(userId);
      for (const userId of change.others) this.#kept.delete(userId);
    };
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
