import { AppError } from "../errors.ts";
import type { Conversation, Learned } from "./conversation.ts";
import type { PendingChange, PendingMessage } from "./open-batch.ts";
import type { SentMessage, StoredConversation } from "./stored-chats.ts";

/**
 * Of a change, nothing was written, and it is undone: others have changed the conversation before, and
 * it is known now how. The change may be tried again, if it is still one.
 */
export class ConversationOvertaken extends AppError {
  constructor() {
    super("STORAGE_UNAVAILABLE", "Others were faster; send again");
  }
}

/** What becomes of the messages that waited. */
export interface Resumption {
  readonly learned: Learned;
  /** With the `seq` that they have now, in their order. */
  readonly placed: readonly PendingMessage[];
  readonly repeated: ReadonlyMap<PendingMessage, SentMessage>;
  readonly refused: ReadonlyMap<PendingMessage, AppError>;
}

/**
 * A conversation to which others have written: what waits until it is known what that was. Nobody has
 * been shown any of it, so that messages may come behind those of others, and changes be made anew.
 */
export class Overtaken {
  readonly conversation: Conversation;
  /** What users say, which is placed anew. */
  readonly messages: PendingMessage[] = [];
  /** What tells of changes, and goes with them. */
  readonly events: PendingMessage[] = [];
  /** Those that hold still: they came while the conversation was looked up. */
  readonly changes: PendingChange[] = [];
  readonly undone: PendingChange[] = [];
  /** What the store did not take: of a repeat, the first one. */
  readonly #conflicts = new Map<PendingMessage, SentMessage | null>();
  /** Members who were added by changes that are undone. */
  readonly #added = new Set<string>();

  constructor(conversation: Conversation) {
    this.conversation = conversation;
  }

  add(pending: PendingMessage): void {
    (pending.message.event === null ? this.messages : this.events).push(pending);
  }

  conflicts(pending: PendingMessage, first: SentMessage | null): void {
    this.#conflicts.set(pending, first);
  }

  /** The last one first. Idempotent. */
  undo(): void {
    for (const pending of this.changes.splice(0).toReversed()) {
      const { what } = pending;
      if (what.change === "added") this.#added.add(what.member.userId);
      pending.undo();
      this.undone.unshift(pending);
    }
  }

  /**
   * Takes in what the store says. `error` is what those are told of whom the store minded something
   * else than their `seq`. null: the conversation is not what it was taken for, and nothing goes on.
   */
  resume(stored: StoredConversation | null, error: AppError): Resumption | null {
    const { conversation } = this;
    // Somebody else may have made a group of the same id.
    const isOther = !conversation.persisted && conversation.kind === "group";
    if (stored === null || isOther) return null;
    this.undo();
    const learned = conversation.learn(stored);
    const repeated = new Map<PendingMessage, SentMessage>();
    const refused = new Map<PendingMessage, AppError>();
    const placed: PendingMessage[] = [];
    for (const pending of this.messages) {
      const first = this.#conflicts.get(pending) ?? null;
      const why = this.#hindranceOf(pending, stored, error);
      if (first !== null) repeated.set(pending, first);
      else if (why === null) placed.push(pending);
      else refused.set(pending, why);
    }
    for (const pending of placed) {
      conversation.lastSeq += 1;
      pending.place(conversation.lastSeq);
    }
    return { learned, placed, repeated, refused };
  }

  #hindranceOf(
    pending: PendingMessage,
    { lastSeq }: StoredConversation,
    error: AppError,
  ): AppError | null {
    const { seq, senderId } = pending.message;
    if (this.#conflicts.has(pending) && seq > lastSeq) return error;
    const hindrance = pending.hindrance();
    // They are to be a member, and may say it again then.
    return hindrance !== null && this.#added.has(senderId) ? error : hindrance;
  }
}
