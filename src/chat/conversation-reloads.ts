import type { Conversation, Learned } from "./conversation.ts";
import type { Journal } from "./journal.ts";
import type { ChatStore } from "./ports.ts";

export interface ConversationReloadsOptions {
  readonly store: ChatStore;
  readonly journal: Journal;
  /** This is what others have changed. */
  readonly learned: (conversation: Conversation, learned: Learned) => void;
}

interface Reload {
  readonly done: Promise<void>;
  /** The one that follows it. */
  next: Promise<void> | null;
}

/** Reads conversations again that other nodes may have changed. */
export class ConversationReloads {
  readonly #options: ConversationReloadsOptions;
  readonly #underWay = new Map<Conversation, Reload>();

  constructor(options: ConversationReloadsOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the conversation is as the store had it after this call, with what this node has
   * changed since. Those who call meanwhile share a read. Rejects with STORAGE_UNAVAILABLE.
   */
  reload(conversation: Conversation): Promise<void> {
    const underWay = this.#underWay.get(conversation);
    if (underWay === undefined) return this.#start(conversation);
    // It may have been read before what the caller knows of.
    underWay.next ??= underWay.done.catch(() => {}).then(() => this.#start(conversation));
    return underWay.next;
  }

  #start(conversation: Conversation): Promise<void> {
    const done = this.#read(conversation).finally(() => {
      if (this.#underWay.get(conversation) === reload) this.#underWay.delete(conversation);
    });
    const reload: Reload = { done, next: null };
    this.#underWay.set(conversation, reload);
    return done;
  }

  async #read(conversation: Conversation): Promise<void> {
    const { store, journal, learned } = this.#options;
    for (;;) {
      while (journal.isChanging(conversation)) await journal.nextCommit();
      const { changesMade } = conversation;
      const stored = await store.conversation(conversation.id);
      if (stored === null) return; // It is on its way there.
      if (conversation.changesMade !== changesMade) continue;
      learned(conversation, conversation.relearn(stored));
      return;
    }
  }
}
