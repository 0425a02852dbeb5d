import type { StoredMessage } from "../chat/stored-chats.ts";
import {
  type ChannelPace,
  type DeadLetter,
  type DueNotice,
  type Expansion,
  MOST_WAITING_NOTICES,
  type NoticeKey,
  type NoticeOutcome,
  type NoticeStore,
  type NoticeTargetStore,
} from "../notify/ports.ts";
import type { NoticePreferences } from "../notify/preferences.ts";
import type { NoticeChannel, NoticeTarget } from "../notify/provider.ts";
import { MESSAGE_CREATED } from "../notify/webhook-ports.ts";
import { MemoryBlockStore } from "./memory-block-store.ts";
import type { MemoryChatStore } from "./memory-chat-store.ts";
import { compare, seenSeqOf } from "./memory-conversation.ts";
import { type MemoryNotice, memberIn, unreadIn } from "./memory-notices.ts";
import { MemoryWebhookStore } from "./memory-webhook-store.ts";

/** What is kept of a notice that could not be sent. */
interface DeadNotice {
  readonly letter: DeadLetter;
  readonly key: NoticeKey;
}

/** Notices of the chats in memory. */
export class MemoryNoticeStore implements NoticeStore, NoticeTargetStore {
  readonly #targets = new Map<string, NoticeTarget>();
  readonly #preferences = new Map<string, NoticePreferences>();
  /** By target, by conversation. */
  readonly #notices = new Map<string, Map<string, MemoryNotice>>();
  readonly #letters = new Map<string, DeadNotice>();

  constructor(
    readonly chat: MemoryChatStore,
    readonly blocks = new MemoryBlockStore(),
    readonly webhooks = new MemoryWebhookStore(chat),
  ) {}

  async putTarget(target: NoticeTarget): Promise<void> {
    this.#expectOpen();
    const { channel, address } = target;
    for (const each of this.#targets.values()) {
      const isSame = each.channel === channel && each.address === address;
      if (isSame && each.id !== target.id) this.#removeTarget(each.id);
    }
    const createdMs = this.#targets.get(target.id)?.createdMs ?? target.createdMs;
    this.#targets.set(target.id, { ...target, createdMs });
  }

  async removeTarget(userId: string, id: string): Promise<void> {
    this.#expectOpen();
    if (this.#targets.get(id)?.userId === userId) this.#removeTarget(id);
  }

  targetsOf(userId: string): NoticeTarget[] {
    this.#expectOpen();
    return [...this.#targets.values()]
      .filter((target) => target.userId === userId)
      .sort((a, b) => compare(a.id, b.id));
  }

  async putPreferences(userId: string, preferences: NoticePreferences): Promise<void> {
    this.#expectOpen();
    this.#preferences.set(userId, structuredClone(preferences));
  }

  preferencesOf(userId: string): NoticePreferences | null {
    this.#expectOpen();
    return this.#preferences.get(userId) ?? null;
  }

  async expand({ limit, nowMs, channels, webhooks }: Expansion): Promise<boolean> {
    this.#expectOpen();
    const { tables } = this.chat;
    for (const messageId of tables.outbox.splice(0, limit)) {
      const message = tables.messages.get(messageId);
      if (message === undefined) continue;
      const { id, conversationId: lane, timestampMs: createdMs, event, deletedMs } = message;
      if (event === null && deletedMs === null) this.#tell(message, channels, nowMs);
      if (webhooks) {
        this.webhooks.put({ id, type: MESSAGE_CREATED, lane, createdMs, data: null }, nowMs);
      }
    }
    return tables.outbox.length > 0;
  }

  due(
    channel: NoticeChannel,
    nowMs: number,
    limit: number,
    busyTargets: readonly string[] = [],
  ): DueNotice[] {
    this.#expectOpen();
    return this.#waiting()
      .filter(({ target, dueMs }) => target.channel === channel && dueMs <= nowMs)
      .filter(({ target }) => !busyTargets.includes(target.id))
      .sort((a, b) => a.dueMs - b.dueMs)
      .slice(0, Math.max(limit, 0))
      .map((notice) => this.#due(notice, nowMs));
  }

  nextDueMs(channels: readonly NoticeChannel[]): number | null {
    this.#expectOpen();
    const times = this.#waiting()
      .filter(({ target }) => channels.includes(target.channel))
      .map(({ dueMs }) => dueMs);
    return times.length === 0 ? null : Math.min(...times);
  }

  async settle(outcomes: readonly NoticeOutcome[]): Promise<void> {
    this.#expectOpen();
    for (const outcome of outcomes) {
      const notice = this.#notice(outcome);
      const isThere = notice !== undefined && notice.dueMs !== null;
      if (isThere && notice.lastSeq >= outcome.lastSeq) this.#settle(notice, outcome);
    }
  }

  waiting(): number {
    this.#expectOpen();
    const count = this.#waiting().length + this.chat.tables.outbox.length;
    return Math.min(count, MOST_WAITING_NOTICES);
  }

  async forgetSent(beforeMs: number): Promise<void> {
    this.#expectOpen();
    for (const ofTarget of this.#notices.values()) {
      for (const [conversationId, { dueMs, nextMs }] of ofTarget) {
        if (dueMs === null && nextMs < beforeMs) ofTarget.delete(conversationId);
      }
    }
  }

  async forgetWaiting(channels: readonly NoticeChannel[]): Promise<void> {
    this.#expectOpen();
    for (const notice of this.#waiting()) {
      if (channels.includes(notice.target.channel)) this.#drop(notice);
    }
  }

  deadLetters(after: string | null, limit: number): DeadLetter[] {
    this.#expectOpen();
    return [...this.#letters.values(), ...this.webhooks.deadEvents.values()]
      .map(({ letter }) => letter)
      .filter(({ id }) => id > (after ?? ""))
      .sort((a, b) => compare(a.id, b.id))
      .slice(0, Math.max(limit, 0));
  }

  async replay(letterIds: readonly string[], nowMs: number): Promise<number> {
    this.#expectOpen();
    const replayed = [...new Set(letterIds)].filter((id) => this.#replay(id, nowMs)).length;
    await this.forgetLetters(letterIds);
    return replayed;
  }

  async forgetLetters(letterIds: readonly string[]): Promise<void> {
    this.#expectOpen();
    for (const id of letterIds) {
      this.#letters.delete(id);
      this.webhooks.deadEvents.delete(id);
    }
  }

  /** For the removal of users: what is kept of one, and what was to be sent to them. */
  forgetUser(userId: string): void {
    this.#preferences.delete(userId);
    for (const { id } of this.targetsOf(userId)) this.#removeTarget(id);
    for (const [id, { letter }] of this.#letters) {
      if (letter.userId === userId) this.#letters.delete(id);
    }
  }

  /** Who has answered has seen what was there. */
  #tell(message: StoredMessage, channels: readonly ChannelPace[], nowMs: number): void {
    const { conversationId, seq, senderId, timestampMs } = message;
    const conversation = this.chat.tables.conversations.get(conversationId);
    if (conversation === undefined) return;
    const paces = new Map(channels.map((pace) => [pace.channel, pace]));
    for (const { id: targetId, userId, channel } of this.#targets.values()) {
      const member = conversation.members.get(userId);
      const pace = paces.get(channel);
      if (member === undefined || pace === undefined || userId === senderId) continue;
      const seenSeq = seenSeqOf(conversation, member);
      const mutedUntilMs = conversation.preferences.get(userId)?.mutedUntilMs ?? 0;
      if (seq <= seenSeq || mutedUntilMs > nowMs || this.#blocks(userId, senderId)) continue;
      const dueMs = Math.min(timestampMs, nowMs) + pace.delayMs;
      const told = { targetId, conversationId, lastSeq: seq, dueMs };
      this.#extend(told, seenSeq, { nowMs, intervalMs: pace.intervalMs });
    }
  }

  /** What waits begins anew where all of it was sent or has been seen. */
  #extend(
    told: NoticeKey & { readonly dueMs: number },
    seenSeq: number,
    { nowMs, intervalMs }: { readonly nowMs: number; readonly intervalMs: number },
  ): void {
    const kept = this.#notice(told);
    if (kept !== undefined && kept.dueMs !== null && kept.lastSeq > seenSeq) {
      this.#put({ ...kept, lastSeq: Math.max(kept.lastSeq, told.lastSeq) });
      return;
    }
    const { lastSeq = 0, dueMs = 0, nextMs = 0 } = kept ?? {};
    this.#put({
      ...{ ...told, lastSeq: Math.max(lastSeq, told.lastSeq), nextMs },
      dueMs: Math.max(dueMs ?? 0, Math.min(nextMs, nowMs + intervalMs), told.dueMs),
      ...{ attempts: 0, createdMs: nowMs },
    });
  }

  #settle(notice: MemoryNotice, outcome: NoticeOutcome): void {
    const isExtended = notice.lastSeq > outcome.lastSeq;
    switch (outcome.kind) {
      case "sent": {
        const { sentMs, nextMs } = outcome;
        const since = isExtended
          ? { dueMs: Math.max(sentMs, nextMs), createdMs: sentMs }
          : { dueMs: null };
        this.#put({ ...notice, attempts: 0, nextMs, ...since });
        return;
      }
      case "dropped":
        if (!isExtended) this.#drop(notice);
        return;
      case "later":
        this.#put({ ...notice, dueMs: outcome.dueMs, attempts: outcome.attempts });
        return;
      case "dead": {
        const { diedMs } = outcome;
        this.#bury(outcome);
        const since = { attempts: 0, nextMs: 0, createdMs: diedMs, dueMs: diedMs };
        if (isExtended) this.#put({ ...notice, ...since });
        else this.#drop(notice);
      }
    }
  }

  #bury(outcome: NoticeOutcome & { readonly kind: "dead" }): void {
    const { letterId: id, attempts, reason, diedMs, event, ...rest } = outcome;
    const { targetId, conversationId, lastSeq } = rest;
    const target = this.#targets.get(targetId);
    if (target === undefined || this.#letters.has(id)) return;
    if (event !== null) this.webhooks.put(event, event.createdMs);
    const { userId, channel } = target;
    const letter = {
      ...{ id, channel, userId, targetId, conversationId, seq: lastSeq },
      ...{ eventId: null, eventType: null, attempts, reason, diedMs },
    };
    this.#letters.set(id, { letter, key: { targetId, conversationId, lastSeq } });
  }

  #drop({ targetId, conversationId }: MemoryNotice): void {
    this.#notices.get(targetId)?.delete(conversationId);
  }

  /** It is due again. */
  #replay(letterId: string, nowMs: number): boolean {
    const dead = this.webhooks.deadEvents.get(letterId);
    if (dead !== undefined) {
      this.webhooks.put(dead.event, nowMs);
      return true;
    }
    const found = this.#letters.get(letterId);
    if (found === undefined || !this.#targets.has(found.key.targetId)) return false;
    const { key } = found;
    const { lastSeq, nextMs } = this.#notice(key) ?? { lastSeq: 0, nextMs: 0 };
    const anew = { dueMs: nowMs, attempts: 0, createdMs: nowMs };
    this.#put({ ...key, lastSeq: Math.max(lastSeq, key.lastSeq), nextMs, ...anew });
    return true;
  }

  #put(notice: MemoryNotice): void {
    const { targetId, conversationId } = notice;
    const ofTarget = this.#notices.get(targetId);
    if (ofTarget !== undefined) ofTarget.set(conversationId, notice);
    else this.#notices.set(targetId, new Map([[conversationId, notice]]));
  }

  #notice({ targetId, conversationId }: Omit<NoticeKey, "lastSeq">): MemoryNotice | undefined {
    return this.#notices.get(targetId)?.get(conversationId);
  }

  #waiting() {
    return [...this.#targets.values()].flatMap((target) =>
      [...(this.#notices.get(target.id)?.values() ?? [])].flatMap((notice) =>
        notice.dueMs === null ? [] : { ...notice, target, dueMs: notice.dueMs },
      ),
    );
  }

  #due(notice: MemoryNotice & { target: NoticeTarget; dueMs: number }, nowMs: number): DueNotice {
    const { target, conversationId, lastSeq, dueMs, attempts, createdMs } = notice;
    const { userId } = target;
    const conversation = this.chat.tables.conversations.get(conversationId);
    const blocks = (senderId: string) => this.#blocks(userId, senderId);
    return {
      ...{ target, conversationId, lastSeq, dueMs, attempts, createdMs },
      preferences: this.preferencesOf(userId),
      member: conversation === undefined ? null : memberIn(conversation, userId),
      unread:
        conversation === undefined
          ? null
          : unreadIn(conversation, { userId, lastSeq, nowMs, blocks }),
    };
  }

  #blocks(blockerId: string, blockedId: string): boolean {
    return this.blocks.kept([{ blockerId, blockedId }]).length > 0;
  }

  #removeTarget(id: string): void {
    this.#targets.delete(id);
    this.#notices.delete(id);
  }

  #expectOpen(): void {
    void this.chat.tables;
  }
}
