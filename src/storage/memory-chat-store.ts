import type { PlaceBehind, WriteBatch } from "../chat/chat-writes.ts";
import type {
  ChatStore,
  ConversationRange,
  ExpiryPortion,
  ExpiryProgress,
  FoundHeads,
  HistoryQuery,
  ListQuery,
} from "../chat/ports.ts";
import type {
  BacklogHead,
  ConversationHead,
  ConversationOverview,
  MemberDelivery,
  MessageVersion,
  NewestMessage,
  SentMessage,
  StoredConversation,
  StoredMessage,
  StoredUser,
} from "../chat/stored-chats.ts";
import { AppError } from "../errors.ts";
import { MemoryAttachmentStore } from "./memory-attachment-store.ts";
import { MemoryChatTables } from "./memory-chat-tables.ts";
import {
  byPosition,
  compare,
  firstAbove,
  type MemoryConversation,
  overviewOf,
  positionOf,
} from "./memory-conversation.ts";
import { NO_PROFILE } from "./memory-users.ts";

/**
 * Keeps chats in this process's memory: for tests, and for servers that may forget. It refuses what
 * the SQL engines refuse. A commit is done when its promise is made; nothing survives `close`.
 */
export class MemoryChatStore implements ChatStore {
  readonly #tables: MemoryChatTables;
  #closed = false;

  constructor(attachments = new MemoryAttachmentStore()) {
    this.#tables = new MemoryChatTables(attachments);
  }

  async commit(batch: WriteBatch, placeBehind?: PlaceBehind): Promise<void> {
    this.#expectOpen();
    const lastSeqs = this.#tables.overtaken(batch);
    const isPlaced = placeBehind !== undefined && lastSeqs.size > 0;
    this.#tables.write(isPlaced ? placeBehind(lastSeqs) : batch);
  }

  async probe(): Promise<void> {
    this.#expectOpen();
  }

  async removeExpired({ after, limit, ...rule }: ExpiryPortion): Promise<ExpiryProgress> {
    this.#expectOpen();
    const conversations = [...this.#tables.conversations.values()];
    const end = Number(after ?? 0) + limit;
    let removed = 0;
    for (let index = Number(after ?? 0); index < Math.min(end, conversations.length); index++) {
      const conversation = conversations[index];
      if (conversation !== undefined)
        removed += this.#tables.trim(conversation, rule, limit - removed);
      if (removed >= limit) return { removed, next: String(index) };
    }
    return { removed, next: end < conversations.length ? String(end) : null };
  }

  conversation(id: string): StoredConversation | null {
    this.#expectOpen();
    const conversation = this.#tables.conversations.get(id);
    return conversation === undefined ? null : snapshot(conversation);
  }

  /** All that are kept, the one committed last first. */
  newestMessages(): StoredMessage[] {
    this.#expectOpen();
    return [...this.#tables.messages.values()].reverse();
  }

  messageById(id: string): StoredMessage | null {
    this.#expectOpen();
    return this.#tables.messages.get(id) ?? null;
  }

  versions(messageId: string): MessageVersion[] {
    this.#expectOpen();
    return [...(this.#tables.versions.get(messageId) ?? [])];
  }

  reactionOf(messageId: string, userId: string): string | null {
    this.#expectOpen();
    return this.#tables.reactions.get(messageId)?.get(userId)?.emoji ?? null;
  }

  replies(messageId: string, afterSeq: number, limit: number): StoredMessage[] {
    this.#expectOpen();
    const answered = this.#tables.messages.get(messageId);
    if (answered === undefined) return [];
    return this.#tables
      .answersTo(answered)
      .filter(({ seq }) => seq > afterSeq)
      .slice(0, Math.max(limit, 0));
  }

  pinned(conversationId: string, limit: number): StoredMessage[] {
    this.#expectOpen();
    const messages = this.#tables.conversations.get(conversationId)?.messages ?? [];
    return messages
      .filter(({ pinnedMs }) => pinnedMs !== null)
      .sort((a, b) => (b.pinnedMs ?? 0) - (a.pinnedMs ?? 0) || b.seq - a.seq)
      .slice(0, Math.max(limit, 0));
  }

  disappearing(limit: number): StoredMessage[] {
    this.#expectOpen();
    const expiryOf = ({ expiresMs, deletedMs }: StoredMessage) =>
      deletedMs === null ? expiresMs : null;
    return [...this.#tables.messages.values()]
      .filter((message) => expiryOf(message) !== null)
      .sort((a, b) => (expiryOf(a) ?? 0) - (expiryOf(b) ?? 0))
      .slice(0, Math.max(limit, 0));
  }

  messageByClientId(senderId: string, clientMessageId: string): SentMessage | null {
    this.#expectOpen();
    return this.#tables.sent.get(senderId)?.get(clientMessageId) ?? null;
  }

  history({ conversationId, afterSeq, beforeSeq, limit }: HistoryQuery): StoredMessage[] {
    this.#expectOpen();
    const messages = this.#tables.conversations.get(conversationId)?.messages ?? [];
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
    for (const conversation of this.#tables.conversationsOfUser.get(userId) ?? []) {
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
    return (this.#tables.conversationsOfUser.get(userId) ?? [])
      .filter(({ lastSeq }) => lastSeq > 0)
      .sort(newestFirst)
      .slice(0, Math.max(limit, 0))
      .map(({ id, lastSeq }) => ({ conversationId: id, lastSeq }));
  }

  lastMessageId(): string | null {
    this.#expectOpen();
    return this.#tables.lastMessageId;
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
    const looked = (this.#tables.conversationsOfUser.get(userId) ?? [])
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
    const messages = this.#tables.conversations.get(conversationId)?.messages ?? [];
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
    return (this.#tables.conversationsOfUser.get(userId) ?? [])
      .flatMap((conversation) => overviewOf(conversation, userId) ?? [])
      .filter((overview) => (overview.archivedMs !== null) === archived)
      .sort((a, b) => byPosition(positionOf(a), positionOf(b)))
      .filter((overview) => after === null || byPosition(after, positionOf(overview)) < 0)
      .slice(0, Math.max(limit, 0));
  }

  conversationOf(userId: string, id: string): ConversationOverview | null {
    this.#expectOpen();
    const conversation = this.#tables.conversations.get(id);
    return conversation === undefined ? null : overviewOf(conversation, userId);
  }

  slowest(conversationId: string, limit: number): MemberDelivery[] {
    this.#expectOpen();
    const members = this.#tables.conversations.get(conversationId)?.members.values() ?? [];
    return [...members]
      .sort((a, b) => a.deliveredSeq - b.deliveredSeq)
      .slice(0, Math.max(limit, 0))
      .map(({ userId, deliveredSeq }) => ({ userId, deliveredSeq }));
  }

  contactsOf(userId: string, limit: number): string[] {
    this.#expectOpen();
    const contacts = new Set<string>();
    for (const { members } of this.#tables.conversationsOfUser.get(userId) ?? []) {
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
      } = this.#tables.users.get(userId) ?? {};
      if (name === null || lastSeenMs === null) return [];
      return { userId, name: profile.name ?? name, lastSeenMs };
    });
  }

  /** For the stores beside it, which keep users and erase them. */
  get tables(): MemoryChatTables {
    this.#expectOpen();
    return this.#tables;
  }

  close(): void {
    this.#closed = true;
  }

  #expectOpen(): void {
    if (this.#closed) throw unavailable("the store is closed");
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
