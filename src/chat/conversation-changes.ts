import type { AppError } from "../errors.ts";
import { type MaybePromise, whenReady } from "../maybe-promise.ts";
import type { Conversation } from "./conversation.ts";
import type { Conversations } from "./conversations.ts";
import type { Journal } from "./journal.ts";
import type { Member } from "./member.ts";
import type { ConversationChange, PendingChange } from "./open-batch.ts";
import type { Outlet } from "./outlet.ts";
import { ConversationOvertaken } from "./overtaken.ts";
import type { Receipts } from "./receipts.ts";
import type { ConversationProfile, Role } from "./stored-chats.ts";

export interface ConversationChangesOptions {
  readonly conversations: Conversations;
  readonly journal: Journal;
  readonly outlet: Outlet;
  readonly receipts: Receipts;
  /** A change of members or of the profile is on disk. */
  readonly onChanged: (what: ConversationChange) => void;
}

/** Of a change that others are faster than time and again. */
const MOST_ATTEMPTS = 20;

/** How a change ends: null when it is on disk, else why it is not. */
export type Settled = (error: AppError | null) => void;

/**
 * Changes of conversations, beside messages. They hold from the call on, for what is asked and
 * delivered alike; the promises resolve when they are on disk. A change that cannot be written is
 * undone, and rejects with STORAGE_UNAVAILABLE.
 */
export class ConversationChanges {
  readonly #options: ConversationChangesOptions;

  constructor(options: ConversationChangesOptions) {
    this.#options = options;
  }

  /**
   * Looks the conversation up, and lets `change` change it in one go with the look: null where there
   * is none. What it writes is one commit. It must see to it that `settled` is called. Where others
   * change the conversation meanwhile it is called again, with the conversation as it is then.
   */
  async run<T>(
    conversationId: string,
    change: (conversation: Conversation | null, settled: Settled) => T,
  ): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#runOnce(conversationId, change);
      } catch (fault) {
        if (!(fault instanceof ConversationOvertaken) || attempt === MOST_ATTEMPTS) throw fault;
      }
    }
  }

  async #runOnce<T>(
    conversationId: string,
    change: (conversation: Conversation | null, settled: Settled) => T,
  ): Promise<T> {
    const { conversations, journal } = this.#options;
    journal.assertRoom();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const settled: Settled = (error) => (error === null ? resolve() : reject(error));
    const changed = whenReady(conversations.findFresh(conversationId), (found) => {
      const result = change(found ?? conversations.peek(conversationId) ?? null, settled);
      journal.flush();
      return result;
    });
    const [result] = await Promise.all([changed, promise]);
    return result;
  }

  find(conversationId: string): MaybePromise<Conversation | null> {
    return this.#options.conversations.find(conversationId);
  }

  /**
   * Resolves when all that has been said and done in the conversation is on disk; rejects with
   * STORAGE_UNAVAILABLE when it is not.
   */
  durable(conversationId: string): Promise<void> {
    return this.run(conversationId, (conversation, settled) => {
      if (conversation === null) settled(null);
      else this.settleWithOthers(conversation, settled);
    });
  }

  /** Nothing is to be done, but what makes it so may not be on disk yet. */
  settleWithOthers(conversation: Conversation, settled: Settled): void {
    if (conversation.uncommitted === 0) settled(null);
    else this.write({ change: "none", conversation }, settled);
  }

  /** What has been changed goes to disk with the next commit. */
  write(what: ConversationChange, settled: Settled, undo: () => void = () => {}): void {
    this.#options.journal.addChange(new Pending(this.#options, what, undo, settled));
  }

  setRole(conversation: Conversation, member: Member, role: Role, settled: Settled): void {
    const before = member.role;
    member.role = role;
    this.write({ change: "role", conversation, member }, settled, () => {
      member.role = before;
    });
  }

  /** As if the member had joined just now: what was said so far is not for whoever they are next. */
  startAnew(conversation: Conversation, member: Member, settled: Settled): void {
    const { joinedSeq, deliveredSeq } = member;
    member.joinedSeq = conversation.lastSeq;
    member.deliveredSeq = conversation.lastSeq;
    this.write({ change: "added", conversation, member }, settled, () => {
      member.joinedSeq = joinedSeq;
      member.deliveredSeq = deliveredSeq;
    });
  }

  setProfile(conversation: Conversation, profile: ConversationProfile, settled: Settled): void {
    const before = conversation.profile;
    conversation.profile = profile;
    this.write({ change: "profile", conversation }, settled, () => {
      conversation.profile = before;
    });
  }
}

class Pending implements PendingChange {
  readonly what: ConversationChange;
  readonly undo: () => void;
  readonly #options: ConversationChangesOptions;
  readonly #settled: Settled;

  constructor(
    options: ConversationChangesOptions,
    what: ConversationChange,
    undo: () => void,
    settled: Settled,
  ) {
    this.what = what;
    this.undo = undo;
    this.#options = options;
    this.#settled = settled;
  }

  committed(): void {
    const { what } = this;
    this.#options.onChanged(what);
    this.#settled(null);
    if (what.change === "removed")
      this.#options.receipts.memberLeft(what.conversation, what.member);
  }

  refused(error: AppError): void {
    const { what } = this;
    const { outlet } = this.#options;
    const { id } = what.conversation;
    if (what.change === "removed") outlet.returned(what.member.userId, id);
    if (what.change === "added") outlet.left(what.member.userId, id);
    this.#settled(error);
  }
}

/** Both hear how it ends. */
export function all(settled: Settled, known: () => void): Settled {
  return (error) => {
    known();
    settled(error);
  };
}
