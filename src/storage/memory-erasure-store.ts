import { ERASED_NAME, erasedEvent } from "../chat/erased.ts";
import type { StoredMessage } from "../chat/stored-chats.ts";
import type { Erasure, ErasureStore } from "../chat/user-ports.ts";
import type { MemoryChatStore } from "./memory-chat-store.ts";
import { NO_PREFERENCES } from "./memory-conversation.ts";
import type { MemoryInviteStore } from "./memory-invite-store.ts";
import { MemoryNoticeStore } from "./memory-notice-store.ts";

interface Progress {
  erasure: Erasure;
  /** What is to be done to each row; null: that has not been looked up yet. */
  left: (() => void)[] | null;
  readonly untold: Set<string>;
}

/** Erasures of users from the chats in memory. */
export class MemoryErasureStore implements ErasureStore {
  readonly #erasures = new Map<string, Progress>();

  constructor(
    readonly chat: MemoryChatStore,
    readonly invites: MemoryInviteStore,
    readonly notices = new MemoryNoticeStore(chat),
  ) {}

  async begin(begun: Pick<Erasure, "userId" | "requestedMs" | "keepsMessages">): Promise<void> {
    this.#expectOpen();
    const { userId, requestedMs, keepsMessages } = begun;
    const known = this.#erasures.get(userId);
    if (known?.erasure.doneMs === null) {
      if (keepsMessages || !known.erasure.keepsMessages) return;
      known.erasure = { ...known.erasure, keepsMessages, erasedMessages: 0 };
      known.left = null;
      return;
    }
    const erasure = { userId, requestedMs, keepsMessages, doneMs: null, erasedMessages: 0 };
    this.#erasures.set(userId, { erasure, left: null, untold: new Set() });
  }

  erasure(userId: string): Erasure | null {
    this.#expectOpen();
    return this.#erasures.get(userId)?.erasure ?? null;
  }

  underWay(): Erasure[] {
    this.#expectOpen();
    return [...this.#erasures.values()]
      .map(({ erasure }) => erasure)
      .filter(({ doneMs }) => doneMs === null);
  }

  async erasePortion(userId: string, limit: number): Promise<boolean> {
    this.#expectOpen();
    const progress = this.#erasures.get(userId);
    if (progress?.erasure.doneMs !== null) return false;
    progress.left ??= this.#tasksOf(userId, progress);
    for (const task of progress.left.splice(0, limit)) task();
    return progress.left.length === 0;
  }

  untold(userId: string, limit: number): string[] {
    this.#expectOpen();
    return [...(this.#erasures.get(userId)?.untold ?? [])].sort().slice(0, limit);
  }

  async told(userId: string, conversationIds: readonly string[]): Promise<void> {
    this.#expectOpen();
    for (const id of conversationIds) this.#erasures.get(userId)?.untold.delete(id);
  }

  async finish(
    { userId, keepsMessages }: Pick<Erasure, "userId" | "keepsMessages">,
    doneMs: number,
  ): Promise<void> {
    const progress = this.#erasures.get(userId);
    this.chat.tables.users.delete(userId);
    if (progress?.erasure.doneMs !== null) return;
    if (progress.erasure.keepsMessages !== keepsMessages) return;
    progress.erasure = { ...progress.erasure, doneMs };
    progress.untold.clear();
  }

  #tasksOf(userId: string, progress: Progress): (() => void)[] {
    const { tables } = this.chat;
    const { messages, conversationsOfUser, reactions, sent } = tables;
    const memberships = (conversationsOfUser.get(userId) ?? []).map(({ id, preferences }) => () => {
      progress.untold.add(id);
      if (preferences.has(userId)) preferences.set(userId, NO_PREFERENCES);
    });
    const own = [...messages.values()]
      .filter(({ senderId }) => senderId === userId)
      .map(
        ({ id }) =>
          () =>
            this.#eraseMessage(id, progress),
      );
    const unreact = [...reactions].flatMap(([messageId, ofUsers]) => {
      if (!ofUsers.has(userId)) return [];
      const { requestedMs: reactedMs } = progress.erasure;
      return () => tables.change({ kind: "react", messageId, userId, emoji: null, reactedMs });
    });
    return [
      () => sent.delete(userId),
      ...[...memberships, ...own, ...unreact],
      () => this.invites.removeOf(userId),
      () => this.chat.tables.attachments.discardOf(userId),
      () => this.notices.forgetUser(userId),
    ];
  }

  #eraseMessage(id: string, progress: Progress): void {
    const { tables } = this.chat;
    const { keepsMessages, requestedMs } = progress.erasure;
    const kept = tables.messages.get(id);
    if (kept === undefined) return;
    const found: StoredMessage = { ...kept, clientMessageId: null };
    progress.untold.add(found.conversationId);
    if (found.event !== null) {
      tables.put({ ...found, ...erasedEvent(found), senderName: ERASED_NAME });
      return;
    }
    const { erasure } = progress;
    progress.erasure = { ...erasure, erasedMessages: erasure.erasedMessages + 1 };
    if (!keepsMessages) tables.change({ kind: "delete", messageId: id, deletedMs: requestedMs });
    const erased = tables.messages.get(id) ?? found;
    tables.put({ ...erased, clientMessageId: null, senderName: ERASED_NAME });
  }

  #expectOpen(): void {
    void this.chat.tables;
  }
}
