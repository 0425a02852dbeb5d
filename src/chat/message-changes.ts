import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import { type MaybePromise, whenReady } from "../maybe-promise.ts";
import { type Actor, SYSTEM } from "./actor.ts";
import { type Blocks, blocked } from "./blocks.ts";
import type { MessageWrite } from "./chat-writes.ts";
import type { Conversation } from "./conversation.ts";
import type { ConversationChanges, Settled } from "./conversation-changes.ts";
import { erased } from "./erased-message.ts";
import type { MessageReference } from "./happening.ts";
import type { Messages } from "./messages.ts";
import { assertFits, mentionsIn } from "./new-message.ts";
import type { ChatStore } from "./ports.ts";
import { messageNotFound } from "./receipts.ts";
import type { RecentMessages } from "./recent-messages.ts";
import { managed } from "./roles.ts";
import type { MessageVersion, StoredMessage } from "./stored-chats.ts";

export interface MessageChangesOptions {
  readonly store: ChatStore;
  readonly changes: ConversationChanges;
  readonly messages: Messages;
  readonly recent: RecentMessages;
  readonly blocks: Blocks;
  readonly clock: Clock;
  /** How long after its sending a message may be edited, or deleted for all, by its sender; 0: for ever. */
  readonly editWithinMs: number;
  readonly deleteWithinMs: number;
  /** What a message may say, as JSON. */
  readonly contentBytes: number;
}

/**
 * What is done to messages that were sent. Each change is told in the conversation, by an event of
 * its own, and holds when that is on disk; one that changes nothing is a no-op. All of them reject
 * with MESSAGE_NOT_FOUND where there is none for the actor, with NOT_PERMITTED and
 * STORAGE_UNAVAILABLE.
 */
export class MessageChanges {
  readonly #options: MessageChangesOptions;
  /** By id, messages as they are with the changes that are on their way to disk. */
  readonly #underWay = new Map<string, StoredMessage>();
  /** By user and message, reactions on their way to disk. */
  readonly #reacting = new Map<string, { readonly emoji: string | null }>();

  constructor(options: MessageChangesOptions) {
    this.#options = options;
  }

  /**
   * For its sender. What it said before is kept. It names these then, of whom who is no member is left
   * out; null: whom it named before. Rejects with BLOCKED, VALIDATION_FAILED.
   */
  edit(
    actor: Actor,
    messageId: string,
    content: string,
    userIds: readonly string[] | null = null,
  ): Promise<void> {
    const { clock, editWithinMs, contentBytes } = this.#options;
    assertFits(content, contentBytes, "content");
    return this.#change(actor, messageId, ({ conversation, message, settled }) => {
      if (actor !== SYSTEM && message.senderId !== actor.userId) {
        throw new AppError("NOT_PERMITTED", "A message is its sender's to edit");
      }
      this.#assertInTime(actor, message, editWithinMs);
      this.#assertUnblocked(actor, conversation);
      if (message.deletedMs !== null) throw messageNotFound(messageId);
      if (content === "" && message.attachments === null) {
        throw new AppError("VALIDATION_FAILED", "content: must not be empty without attachments");
      }
      const mentions = userIds === null ? message.mentions : mentionsIn(conversation, userIds);
      if (message.content === content && message.mentions === mentions) return null;
      const editedMs = clock.now();
      const edit = { kind: "edit", messageId, content, editedMs, mentions } as const;
      this.#write(edit, conversation, settled);
      const changed = { ...message, content, editedMs, mentions };
      this.#tell(actor, "MESSAGE_EDITED", conversation, changed);
      return changed;
    });
  }

  /** For its sender, and in a group for its owner and admins: nobody is shown what it said any more. */
  delete(actor: Actor, messageId: string): Promise<void> {
    const { clock, deleteWithinMs } = this.#options;
    return this.#change(actor, messageId, ({ conversation, message, settled }) => {
      const isOwn = message.senderId === actor.userId;
      if (!isOwn || this.#isLate(message, deleteWithinMs)) {
        managed(conversation, conversation.id, actor);
      }
      if (message.deletedMs !== null) return null;
      const deletedMs = clock.now();
      this.#write({ kind: "delete", messageId, deletedMs }, conversation, settled);
      const changed = erased(message, deletedMs);
      this.#tell(actor, "MESSAGE_DELETED", conversation, changed);
      return changed;
    });
  }

  /**
   * The time of a message is over: it says nothing any more, on disk too. Nobody needs to be told,
   * who was told of its time. A no-op for one that is deleted, or not there any more.
   */
  expire({ id: messageId, conversationId, expiresMs }: StoredMessage): Promise<void> {
    return this.#options.changes.run(conversationId, (conversation, settled) => {
      if (conversation === null || expiresMs === null) settled(null);
      else this.#write({ kind: "delete", messageId, deletedMs: expiresMs }, conversation, settled);
    });
  }

  /** For every member: one reaction of each, the last; null takes it back. Rejects with BLOCKED. */
  async react(actor: Actor, messageId: string, emoji: string | null): Promise<void> {
    const { store, messages, clock } = this.#options;
    const { userId } = actor;
    const key = `${userId} ${messageId}`;
    const stored = await store.reactionOf(messageId, userId);
    await this.#change(actor, messageId, ({ conversation, message, settled }) => {
      this.#assertUnblocked(actor, conversation);
      if (message.deletedMs !== null) throw messageNotFound(messageId);
      const before = this.#reacting.get(key) ?? { emoji: stored };
      if (before.emoji === emoji) return null;
      const reaction = { emoji };
      const ended: Settled = (error) => {
        if (this.#reacting.get(key) === reaction) this.#reacting.delete(key);
        settled(error);
      };
      const write = { kind: "react", messageId, userId, emoji, reactedMs: clock.now() } as const;
      this.#write(write, conversation, ended);
      this.#reacting.set(key, reaction);
      const event = { ...referenceOf(message), emoji };
      const happening = { type: "MESSAGE_REACTION", event } as const;
      messages.tell(conversation, actor, happening, { about: message });
      return { ...message };
    });
  }

  /** For both in a direct conversation, and in a group for its owner and admins. */
  pin(actor: Actor, messageId: string, isPinned: boolean): Promise<void> {
    return this.#change(actor, messageId, ({ conversation, message, settled }) => {
      if (conversation.kind === "group") managed(conversation, conversation.id, actor);
      if (message.deletedMs !== null) throw messageNotFound(messageId);
      if ((message.pinnedMs !== null) === isPinned) return null;
      const pinnedMs = isPinned ? this.#options.clock.now() : null;
      this.#write({ kind: "pin", messageId, pinnedMs }, conversation, settled);
      const changed = { ...message, pinnedMs };
      this.#tell(actor, isPinned ? "MESSAGE_PINNED" : "MESSAGE_UNPINNED", conversation, changed);
      return changed;
    });
  }

  /** What it said before, the oldest first: for those who may see it. */
  async versions(actor: Actor, messageId: string): Promise<MessageVersion[]> {
    const { store, changes } = this.#options;
    const message = await this.#find(messageId);
    const conversation = message && (await changes.find(message.conversationId));
    if (!message || !conversation) throw messageNotFound(messageId);
    assertFor(actor, conversation, message);
    return message.deletedMs === null ? await store.versions(messageId) : [];
  }

  /**
   * Looks the message up and changes it. `change` gives the message as it is then, or null when there
   * is nothing to do.
   */
  async #change(
    actor: Actor,
    messageId: string,
    change: (target: Target) => StoredMessage | null,
  ): Promise<void> {
    const { changes } = this.#options;
    const found = await this.#find(messageId);
    if (found === null || found.event !== null) throw messageNotFound(messageId);
    await changes.run(found.conversationId, (conversation, settled) => {
      if (conversation === null) throw messageNotFound(messageId);
      // Another change may have come in while the conversation was looked up.
      const message = this.#underWay.get(messageId) ?? found;
      assertFor(actor, conversation, message);
      let changed: StoredMessage | null = null;
      const ended: Settled = (error) => {
        if (this.#underWay.get(messageId) === changed) this.#underWay.delete(messageId);
        settled(error);
      };
      changed = change({ conversation, message, settled: ended });
      if (changed === null) changes.settleWithOthers(conversation, settled);
      else this.#underWay.set(messageId, changed);
    });
  }

  /** As it is with what is on its way to disk. */
  #find(messageId: string): MaybePromise<StoredMessage | null> {
    const { store, recent } = this.#options;
    const underWay = this.#underWay.get(messageId);
    if (underWay !== undefined) return underWay;
    // Once it is on disk, only the store knows how it has changed since.
    const isPending = recent.pendingOf(messageId) !== null;
    if (isPending) return recent.byId(messageId) ?? null;
    return whenReady(store.messageById(messageId), (stored) => {
      return this.#underWay.get(messageId) ?? stored;
    });
  }

  #write(write: MessageWrite, conversation: Conversation, settled: Settled): void {
    this.#options.changes.write({ change: "message", conversation, write }, settled);
  }

  #tell(
    actor: Actor,
    type: "MESSAGE_EDITED" | "MESSAGE_DELETED" | "MESSAGE_PINNED" | "MESSAGE_UNPINNED",
    conversation: Conversation,
    message: StoredMessage,
  ): void {
    const event = referenceOf(message);
    this.#options.messages.tell(conversation, actor, { type, event }, { about: message });
  }

  #assertInTime(actor: Actor, { timestampMs }: StoredMessage, withinMs: number): void {
    if (actor === SYSTEM || !this.#isLate({ timestampMs }, withinMs)) return;
    throw new AppError("NOT_PERMITTED", "The message was sent too long ago to be changed");
  }

  #isLate({ timestampMs }: Pick<StoredMessage, "timestampMs">, withinMs: number): boolean {
    return withinMs !== 0 && this.#options.clock.now() - timestampMs > withinMs;
  }

  #assertUnblocked(actor: Actor, conversation: Conversation): void {
    if (actor === SYSTEM) return;
    const peerId = conversation.peerOf(actor.userId);
    if (peerId !== null && this.#options.blocks.isBetween(actor.userId, peerId)) throw blocked();
  }
}

interface Target {
  readonly conversation: Conversation;
  readonly message: StoredMessage;
  readonly settled: Settled;
}

function referenceOf({ id, seq }: StoredMessage): MessageReference {
  return { messageId: id, seq };
}

function assertFor(actor: Actor, conversation: Conversation, { id, seq }: StoredMessage): void {
  if (actor !== SYSTEM && !conversation.isFor(actor.userId, seq)) throw messageNotFound(id);
}
