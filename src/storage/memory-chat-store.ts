import {
  type BacklogHead,
  type ChatStore,
  CommitConflict,
  type ConversationHead,
  type ConversationOverview,
  type ConversationRange,
  type Edited,
  type ExpiryPortion,
  type ExpiryProgress,
  type FoundHeads,
  type HistoryQuery,
  type ListQuery,
  type MemberKey,
  type MessageVersion,
  type MessageWrite,
  MOST_REACTIONS,
  MOST_VERSIONS,
  type NewConversation,
  type NewestMessage,
  type NewMember,
  type RetentionRule,
  type SentMessage,
  type StoredConversation,
  type StoredMember,
  type StoredMessage,
  type StoredUser,
  type WatermarkWrite,
  type WriteBatch,
} from "../chat/ports.ts";
import { AppError } from "../errors.ts";
import { conflictsOf, type Taken } from "./conflicts.ts";
import { isExpired } from "./expiry.ts";
import { MemoryAttachmentStore } from "./memory-attachment-store.ts";
import {
  byPosition,
  compare,
  firstAbove,
  type MemoryConversation,
  NO_PREFERENCES,
  overviewOf,
  positionOf,
} from "./memory-conversation.ts";
import { type MemoryTables, type MemoryUser, NO_PROFILE } from "./memory-users.ts";

/**
 * Keeps chats in this process's memory: for tests, and for servers that may forget. It refuses what
 * the SQL engines refuse. A commit is done when its promise is made; nothing survives `close`.
 */
export class MemoryChatStore implements ChatStore {
  readonly #conversations = new Map<string, MemoryConversation>();
  readonly #conversationsOfUser = new Map<string, MemoryConversation[]>();
  readonly #messages = new Map<string, StoredMessage>();
  /** By sender, then by the sender's own id of the message; also what has been removed. */
  readonly #sent = new Map<string, Map<string, SentMessage>>();
  readonly #users = new Map<string, MemoryUser>();
  /** By message. */
  readonly #versions = new Map<string, MessageVersion[]>();
  /** By message, by user; the first first. */
  readonly #reactions = new Map<string, Map<string, { emoji: string; reactedMs: number }>>();
  #lastMessageId: string | null = null;
  #closed = false;

  constructor(readonly attachments = new MemoryAttachmentStore()) {}

  async commit(batch: WriteBatch): Promise<void> {
    this.#expectOpen();
    const conflicts = conflictsOf(batch, this.#taken);
    if (conflicts.length > 0) throw new CommitConflict(conflicts);
    for (const conversation of batch.conversations) this.#create(conversation);
    for (const message of batch.messages) this.#append(message);
    for (const write of batch.watermarks) this.#advance(write);
    for (const { userId, name, lastSeenMs } of batch.users) {
      const profile = this.#users.get(userId)?.profile ?? NO_PROFILE;
      this.#users.set(userId, { name, lastSeenMs, profile });
    }
    for (const member of batch.removedMembers) this.#removeMember(member);
    for (const member of batch.addedMembers) this.#addMember(member);
    this.#change(batch);
    for (const change of batch.messageChanges) this.#changeMessage(change);
  }

  #change({ roles, profiles, preferences }: WriteBatch): void {
    for (const { conversationId, userId, role } of roles) {
      const members = this.#conversations.get(conversationId)?.members;
      const member = members?.get(userId);
      if (member !== undefined) members?.set(userId, { ...member, role });
    }
    for (const { conversationId, ...profile } of profiles) {
      const conversation = this.#conversations.get(conversationId);
      if (conversation !== undefined) conversation.profile = profile;
    }
    for (const { conversationId, userId, ...change } of preferences) {
      const conversation = this.#conversations.get(conversationId);
      if (conversation?.members.has(userId) !== true) continue;
      const { mutedUntilMs, archivedMs, pinnedMs } = {
        ...(conversation.preferences.get(userId) ?? NO_PREFERENCES),
        ...change,
      };
      conversation.preferences.set(userId, { mutedUntilMs, archivedMs, pinnedMs });
    }
  }

  #changeMessage(change: MessageWrite): void {
    const message = this.#messages.get(change.messageId);
    if (message === undefined || message.deletedMs !== null) return;
    const { id, content } = message;
    switch (change.kind) {
      case "edit": {
        const { editedMs, mentions = message.mentions } = change;
        if (content !== change.content) {
          const versions = [...(this.#versions.get(id) ?? []), { content, replacedMs: editedMs }];
          this.#versions.set(id, versions.slice(-MOST_VERSIONS));
        }
        this.#put({ ...message, content: change.content, editedMs, mentions });
        return;
      }
      case "delete":
        this.#versions.delete(id);
        this.#reactions.delete(id);
        this.#put({
          ...{ ...message, content: "", attachments: null, reactions: null },
          ...{ mentions: null, pinnedMs: null },
          deletedMs: change.deletedMs,
        });
        this.attachments.messageGone(id);
        this.#countAnswers(message);
        return;
      case "react": {
        const { userId, emoji, reactedMs } = change;
        const reactions = this.#reactions.get(id) ?? new Map();
        this.#reactions.set(id, reactions);
        reactions.delete(userId);
        if (emoji !== null) reactions.set(userId, { emoji, reactedMs });
        const pairs = [...reactions]
          .sort(([a, one], [b, other]) => one.reactedMs - other.reactedMs || compare(a, b))
          .map(([reactor, used]) => [used.emoji, reactor]);
        const shown = JSON.stringify(pairs.slice(0, MOST_REACTIONS));
        this.#put({ ...message, reactions: reactions.size === 0 ? null : shown });
        return;
      }
      case "pin":
        this.#put({ ...message, pinnedMs: change.pinnedMs });
    }
  }

  /** In place of the message as it was. */
  #put(message: StoredMessage): void {
    const messages = this.#conversations.get(message.conversationId)?.messages ?? [];
    this.#messages.set(message.id, message);
    messages[firstAbove(messages, message.seq - 1)] = message;
    this.#tellEdits(message.id, messages);
  }

  /** Events of edits say what the message says now. */
  #tellEdits(messageId: string, messages: StoredMessage[]): void {
    const now = this.#messages.get(messageId);
    const editedMs = now?.editedMs ?? Number.POSITIVE_INFINITY;
    const edited: Edited = {
      ...{ content: now?.deletedMs === null ? now.content : null, editedMs },
      expiresMs: now?.expiresMs ?? null,
      mentions: now?.mentions == null ? null : JSON.parse(now.mentions),
    };
    for (const [index, each] of messages.entries()) {
      if (each.event === null || each.type !== "MESSAGE_EDITED") continue;
      if (each.replyTo !== messageId) continue;
      const isLast = editedMs <= each.timestampMs;
      const told = { ...each, edited: isLast ? JSON.stringify(edited) : null };
      messages[index] = told;
      this.#messages.set(told.id, told);
    }
  }

  async probe(): Promise<void> {
    this.#expectOpen();
  }

  async removeExpired({ after, limit, ...rule }: ExpiryPortion): Promise<ExpiryProgress> {
    this.#expectOpen();
    const conversations = [...this.#conversations.values()];
    const end = Number(after ?? 0) + limit;
    let removed = 0;
    for (let index = Number(after ?? 0); index < Math.min(end, conversations.length); index++) {
      const conversation = conversations[index];
      if (conversation !== undefined) removed += this.#trim(conversation, rule, limit - removed);
      if (removed >= limit) return { removed, next: String(index) };
    }
    return { removed, next: end < conversations.length ? String(end) : null };
  }

  conversation(id: string): StoredConversation | null {
    this.#expectOpen();
    const conversation = this.#conversations.get(id);
    return conversation === undefined ? null : snapshot(conversation);
  }

  /** All that are kept, the one committed last first. */
  newestMessages(): StoredMessage[] {
    this.#expectOpen();
    return [...this.#messages.values()].reverse();
  }

  messageById(id: string): StoredMessage | null {
    this.#expectOpen();
    return this.#messages.get(id) ?? null;
  }

  versions(messageId: string): MessageVersion[] {
    this.#expectOpen();
    return [...(this.#versions.get(messageId) ?? [])];
  }

  reactionOf(messageId: string, userId: string): string | null {
    this.#expectOpen();
    return this.#reactions.get(messageId)?.get(userId)?.emoji ?? null;
  }

  replies(messageId: string, afterSeq: number, limit: number): StoredMessage[] {
    this.#expectOpen();
    const answered = this.#messages.get(messageId);
    if (answered === undefined) return [];
    return this.#answersTo(answered)
      .filter(({ seq }) => seq > afterSeq)
      .slice(0, Math.max(limit, 0));
  }

  #answersTo({ id, conversationId }: StoredMessage): StoredMessage[] {
    const messages = this.#conversations.get(conversationId)?.messages ?? [];
    return messages.filter(
      ({ replyTo, event, deletedMs }) => replyTo === id && event === null && deletedMs === null,
    );
  }

  /** The message that it answers has one answer more, or less. */
  #countAnswers({ replyTo }: StoredMessage): void {
    const answered = replyTo === null ? undefined : this.#messages.get(replyTo);
    if (answered === undefined) return;
    const replyCount = this.#answersTo(answered).length;
    if (replyCount !== answered.replyCount) this.#put({ ...answered, replyCount });
  }

  pinned(conversationId: string, limit: number): StoredMessage[] {
    this.#expectOpen();
    const messages = this.#conversations.get(conversationId)?.messages ?? [];
    return messages
      .filter(({ pinnedMs }) => pinnedMs !== null)
      .sort((a, b) => (b.pinnedMs ?? 0) - (a.pinnedMs ?? 0) || b.seq - a.seq)
      .slice(0, Math.max(limit, 0));
  }

  disappearing(limit: number): StoredMessage[] {
    this.#expectOpen();
    const expiryOf = ({ expiresMs, deletedMs }: StoredMessage) =>
      deletedMs === null ? expiresMs : null;
    return [...this.#messages.values()]
      .filter((message) => expiryOf(message) !== null)
      .sort((a, b) => (expiryOf(a) ?? 0) - (expiryOf(b) ?? 0))
      .slice(0, Math.max(limit, 0));
  }

  messageByClientId(senderId: string, clientMessageId: string): SentMessage | null {
    this.#expectOpen();
    return this.#sent.get(senderId)?.get(clientMessageId) ?? null;
  }

  history({ conversationId, afterSeq, beforeSeq, limit }: HistoryQuery): StoredMessage[] {
    this.#expectOpen();
    const messages = this.#conversations.get(conversationId)?.messages ?? [];
    const count = Math.max(limit, 0);
    const from = afterSeq === undefined ? 0 : firstAbove(messages, afterSeq);
    const to = beforeSeq === undefined ? messages.length : firstAbove(messages, beforeSeq - 1);
    return afterSeq === undefined
      ? messages.slice(Math.max(to - count, 0), to)
      : messages.slice(from, Math.max(Math.min(from + count, to), from));
  }

  backlog(userId: string): BacklogHead[] {
    this.#expectOpen();
    const waiting: { head: BacklogHead; first: StoredMessage }[] = [];
    for (const conversation of this.#conversationsOfUser.get(userId) ?? []) {
      const found = firstWaiting(conversation, userId);
      if (found === null) continue;
      const { first, deliveredSeq } = found;
      const head = {
        ...{ conversationId: conversation.id, deliveredSeq, lastSeq: conversation.lastSeq },
      };
      waiting.push({ head, first });
    }
    return waiting.sort((a, b) => byTime(a.first, b.first)).map(({ head }) => head);
  }

  conversationHeads(userId: string, limit: number): ConversationHead[] {
    this.#expectOpen();
    return (this.#conversationsOfUser.get(userId) ?? [])
      .filter(({ lastSeq }) => lastSeq > 0)
      .sort(newestFirst)
      .slice(0, Math.max(limit, 0))
      .map(({ id, lastSeq }) => ({ conversationId: id, lastSeq }));
  }

  lastMessageId(): string | null {
    this.#expectOpen();
    return this.#lastMessageId;
  }

  conversationsAfter(
    userId: string,
    messageId: string,
    range: ConversationRange,
  ): FoundHeads<NewestMessage> {
    return this.#foundIn(userId, range, ({ id, lastSeq, members, messages }) => {
      if (lastSeq <= (members.get(userId)?.joinedSeq ?? 0)) return null;
      const newest = messages.at(-1);
      const newestId = newest?.seq === lastSeq ? newest.id : null;
      if (newestId !== null && newestId <= messageId) return null;
      return { conversationId: id, lastSeq, messageId: newestId };
    });
  }

  unreceived(userId: string, range: ConversationRange): FoundHeads<BacklogHead> {
    return this.#foundIn(userId, range, (conversation) => {
      const { id, lastSeq } = conversation;
      const waiting = firstWaiting(conversation, userId);
      return waiting && { conversationId: id, deliveredSeq: waiting.deliveredSeq, lastSeq };
    });
  }

  #foundIn<Head extends ConversationHead>(
    userId: string,
    { after, limit }: ConversationRange,
    headOf: (conversation: MemoryConversation) => Head | null,
  ): FoundHeads<Head> {
    this.#expectOpen();
    const looked = (this.#conversationsOfUser.get(userId) ?? [])
      .filter(({ id }) => id > (after ?? ""))
      .sort((a, b) => compare(a.id, b.id))
      .slice(0, limit);
    return {
      heads: looked.flatMap((conversation) => headOf(conversation) ?? []),
      next: looked.length < limit ? null : (looked.at(-1)?.id ?? null),
    };
  }

  lastMessagePerSender(
    conversationId: string,
    afterSeq: number,
    uptoSeq: number,
    exceptSenderId: string,
  ): StoredMessage[] {
    this.#expectOpen();
    const messages = this.#conversations.get(conversationId)?.messages ?? [];
    const last = new Map<string, StoredMessage>();
    for (let index = firstAbove(messages, afterSeq); index < messages.length; index++) {
      const message = messages[index];
      if (message === undefined || message.seq > uptoSeq) break;
      if (message.senderId !== exceptSenderId) last.set(message.senderId, message);
    }
    return [...last.values()].sort((a, b) => a.seq - b.seq);
  }

  conversationsOf({ userId, archived, after, limit }: ListQuery): ConversationOverview[] {
    this.#expectOpen();
    return (this.#conversationsOfUser.get(userId) ?? [])
      .flatMap((conversation) => overviewOf(conversation, userId) ?? [])
      .filter((overview) => (overview.archivedMs !== null) === archived)
      .sort((a, b) => byPosition(positionOf(a), positionOf(b)))
      .filter((overview) => after === null || byPosition(after, positionOf(overview)) < 0)
      .slice(0, Math.max(limit, 0));
  }

  conversationOf(userId: string, id: string): ConversationOverview | null {
    this.#expectOpen();
    const conversation = this.#conversations.get(id);
    return conversation === undefined ? null : overviewOf(conversation, userId);
  }

  contactsOf(userId: string, limit: number): string[] {
    this.#expectOpen();
    const contacts = new Set<string>();
    for (const { members } of this.#conversationsOfUser.get(userId) ?? []) {
      for (const otherId of members.keys()) if (otherId !== userId) contacts.add(otherId);
    }
    return [...contacts].slice(0, Math.max(limit, 0));
  }

  users(userIds: readonly string[]): StoredUser[] {
    this.#expectOpen();
    return [...new Set(userIds)].flatMap((userId) => {
      const {
        name = null,
        lastSeenMs = null,
        profile = NO_PROFILE,
      } = this.#users.get(userId) ?? {};
      if (name === null || lastSeenMs === null) return [];
      return { userId, name: profile.name ?? name, lastSeenMs };
    });
  }

  /** For the stores beside it, which keep users and erase them. */
  get tables(): MemoryTables {
    this.#expectOpen();
    return {
      users: this.#users,
      messages: this.#messages,
      conversationsOfUser: this.#conversationsOfUser,
      reactions: this.#reactions,
      sent: this.#sent,
      change: (change) => this.#changeMessage(change),
      put: (message) => this.#put(message),
    };
  }

  close(): void {
    this.#closed = true;
  }

  #expectOpen(): void {
    if (this.#closed) throw unavailable("the store is closed");
  }

  readonly #taken: Taken = {
    hasConversation: (id) => this.#conversations.has(id),
    hasId: (id) => this.#messages.has(id),
    hasSeq: (conversationId, seq) => {
      const messages = this.#conversations.get(conversationId)?.messages ?? [];
      return messages[firstAbove(messages, seq - 1)]?.seq === seq;
    },
    sent: (senderId, clientMessageId) => this.#sent.get(senderId)?.get(clientMessageId) ?? null,
    hasAttachments: (ids, senderId) => ids.every((id) => this.attachments.isFree(id, senderId)),
  };

  /** Removes up to `room` messages from the bottom; returns how many. */
  #trim(conversation: MemoryConversation, rule: RetentionRule, room: number): number {
    const { messages, lastSeq } = conversation;
    const kept = messages.findIndex((message) => !isExpired(message, lastSeq, rule));
    const count = Math.min(kept === -1 ? messages.length : kept, room);
    conversation.messages = messages.slice(count);
    for (const { id, editedMs } of messages.slice(0, count)) {
      this.#messages.delete(id);
      this.#versions.delete(id);
      this.#reactions.delete(id);
      this.attachments.messageGone(id);
      if (editedMs !== null) this.#tellEdits(id, conversation.messages);
    }
    return count;
  }

  #create({ id, kind, createdMs, members, ...profile }: NewConversation): void {
    if (this.#conversations.has(id)) return;
    const conversation: MemoryConversation = {
      ...{ id, kind, createdMs, profile, messages: [] },
      ...{ members: new Map(), preferences: new Map(), lastSeq: 0, lastMessageMs: null },
    };
    this.#conversations.set(id, conversation);
    for (const { userId, role } of members) {
      if (conversation.members.has(userId)) continue;
      this.#join(conversation, { userId, joinedSeq: 0, deliveredSeq: 0, readSeq: 0, role });
    }
  }

  #join(conversation: MemoryConversation, member: StoredMember): void {
    const { userId } = member;
    conversation.members.set(userId, member);
    const joined = this.#conversationsOfUser.get(userId);
    if (joined === undefined) this.#conversationsOfUser.set(userId, [conversation]);
    else joined.push(conversation);
  }

  #addMember(member: NewMember): void {
    const { conversationId, userId, joinedSeq, deliveredSeq, readSeq, role } = member;
    const conversation = this.#conversations.get(conversationId);
    if (conversation === undefined) return;
    const known = conversation.members.get(userId);
    if (known === undefined) {
      this.#join(conversation, { userId, joinedSeq, deliveredSeq, readSeq, role });
    } else {
      conversation.members.set(userId, { ...known, joinedSeq, role });
      this.#advance(member);
    }
  }

  #removeMember({ conversationId, userId }: MemberKey): void {
    const conversation = this.#conversations.get(conversationId);
    if (conversation?.members.delete(userId) !== true) return;
    conversation.preferences.delete(userId);
    const joined = this.#conversationsOfUser.get(userId) ?? [];
    const rest = joined.filter(({ id }) => id !== conversationId);
    this.#conversationsOfUser.set(userId, rest);
  }

  #append(message: StoredMessage): void {
    const conversation = this.#conversations.get(message.conversationId);
    if (conversation === undefined) return;
    const { messages } = conversation;
    const kept = copyOf(message);
    messages.splice(firstAbove(messages, kept.seq), 0, kept);
    this.#messages.set(kept.id, kept);
    this.attachments.bind(kept);
    if (this.#lastMessageId === null || kept.id > this.#lastMessageId) {
      this.#lastMessageId = kept.id;
    }
    if (kept.event === null) this.#countAnswers(kept);
    if (kept.seq > conversation.lastSeq) {
      conversation.lastSeq = kept.seq;
      conversation.lastMessageMs = kept.timestampMs;
    }
    if (kept.clientMessageId === null) return;
    const ofSender = this.#sent.get(kept.senderId);
    const sent = identityOf(kept);
    if (ofSender !== undefined) ofSender.set(kept.clientMessageId, sent);
    else this.#sent.set(kept.senderId, new Map([[kept.clientMessageId, sent]]));
  }

  #advance({ conversationId, userId, deliveredSeq, readSeq }: WatermarkWrite): void {
    const members = this.#conversations.get(conversationId)?.members;
    const member = members?.get(userId);
    if (members === undefined || member === undefined) return;
    members.set(userId, {
      ...member,
      deliveredSeq: Math.max(member.deliveredSeq, deliveredSeq),
      readSeq: Math.max(member.readSeq, readSeq),
    });
  }
}

/** The first message of others that the member has not received; null: there is none. */
function firstWaiting({ members, messages }: MemoryConversation, userId: string) {
  const deliveredSeq = members.get(userId)?.deliveredSeq ?? 0;
  const first = messages
    .slice(firstAbove(messages, deliveredSeq))
    .find((message) => message.senderId !== userId);
  return first === undefined ? null : { first, deliveredSeq };
}

function unavailable(message: string): AppError {
  return new AppError("STORAGE_UNAVAILABLE", message);
}

function snapshot(conversation: MemoryConversation): StoredConversation {
  const { id, kind, createdMs, profile, lastSeq, members } = conversation;
  return { id, kind, createdMs, ...profile, lastSeq, members: [...members.values()] };
}

function byTime(a: StoredMessage, b: StoredMessage): number {
  return a.timestampMs - b.timestampMs || compare(a.id, b.id);
}

function newestFirst(a: MemoryConversation, b: MemoryConversation): number {
  const newestMs = ({ lastMessageMs }: MemoryConversation) => lastMessageMs ?? -1;
  return newestMs(b) - newestMs(a) || b.createdMs - a.createdMs || compare(a.id, b.id);
}

function identityOf(message: StoredMessage): SentMessage {
  const { id, conversationId, seq, senderId, recipientId, clientMessageId } = message;
  return { id, conversationId, seq, senderId, recipientId, clientMessageId };
}

function copyOf(message: StoredMessage): StoredMessage {
  return {
    id: message.id,
    conversationId: message.conversationId,
    seq: message.seq,
    senderId: message.senderId,
    senderName: message.senderName,
    recipientId: message.recipientId,
    clientMessageId: message.clientMessageId,
    type: message.type,
    content: message.content,
    replyTo: message.replyTo,
    timestampMs: message.timestampMs,
    event: message.event,
    mentions: message.mentions,
    expiresMs: message.expiresMs,
    editedMs: null,
    deletedMs: null,
    pinnedMs: null,
    reactions: null,
    replyCount: 0,
    edited: message.edited,
    attachments: message.attachments,
  };
}
