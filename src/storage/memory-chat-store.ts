import type {
  BacklogHead,
  ChatStore,
  ConversationHead,
  ConversationKind,
  ConversationOverview,
  HistoryQuery,
  NewConversation,
  StoredConversation,
  StoredMember,
  StoredMessage,
  StoredUser,
  WatermarkWrite,
  WriteBatch,
} from "../chat/ports.ts";
import { AppError } from "../errors.ts";

interface Conversation {
  readonly id: string;
  readonly kind: ConversationKind;
  readonly createdMs: number;
  /** In the order of their joining. */
  readonly members: Map<string, StoredMember>;
  /** Ascending by `seq`. */
  readonly messages: StoredMessage[];
}

/**
 * Keeps chats in this process's memory: for tests, and for servers that may forget. It refuses what
 * the SQL engines refuse. A commit is done when its promise is made; nothing survives `close`.
 */
export class MemoryChatStore implements ChatStore {
  readonly #conversations = new Map<string, Conversation>();
  readonly #conversationsOfUser = new Map<string, Conversation[]>();
  readonly #messages = new Map<string, StoredMessage>();
  /** By sender, then by the sender's own id of the message. */
  readonly #messagesByClientId = new Map<string, Map<string, StoredMessage>>();
  readonly #users = new Map<string, StoredUser>();
  #closed = false;

  async commit(batch: WriteBatch): Promise<void> {
    if (this.#closed) throw unavailable("the store is closed");
    this.#check(batch);
    for (const conversation of batch.conversations) this.#create(conversation);
    for (const message of batch.messages) this.#append(message);
    for (const write of batch.watermarks) this.#advance(write);
    for (const { userId, name, lastSeenMs } of batch.users) {
      this.#users.set(userId, { userId, name, lastSeenMs });
    }
  }

  conversation(id: string): StoredConversation | null {
    this.#expectOpen();
    const conversation = this.#conversations.get(id);
    return conversation === undefined ? null : snapshot(conversation);
  }

  messageById(id: string): StoredMessage | null {
    this.#expectOpen();
    return this.#messages.get(id) ?? null;
  }

  messageByClientId(senderId: string, clientMessageId: string): StoredMessage | null {
    this.#expectOpen();
    return this.#messagesByClientId.get(senderId)?.get(clientMessageId) ?? null;
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
      const deliveredSeq = conversation.members.get(userId)?.deliveredSeq ?? 0;
      const { messages } = conversation;
      const first = messages
        .slice(firstAbove(messages, deliveredSeq))
        .find((message) => message.senderId !== userId);
      if (first === undefined) continue;
      const head = { conversationId: conversation.id, deliveredSeq, lastSeq: lastSeqOf(messages) };
      waiting.push({ head, first });
    }
    return waiting.sort((a, b) => byTime(a.first, b.first)).map(({ head }) => head);
  }

  conversationHeads(userId: string, limit: number): ConversationHead[] {
    this.#expectOpen();
    return (this.#conversationsOfUser.get(userId) ?? [])
      .filter(({ messages }) => messages.length > 0)
      .map(({ id, messages }) => ({ conversationId: id, lastSeq: lastSeqOf(messages), messages }))
      .sort((a, b) => newestMs(b) - newestMs(a) || compare(a.conversationId, b.conversationId))
      .slice(0, Math.max(limit, 0))
      .map(({ conversationId, lastSeq }) => ({ conversationId, lastSeq }));
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

  conversationsOf(userId: string, limit: number): ConversationOverview[] {
    this.#expectOpen();
    return (this.#conversationsOfUser.get(userId) ?? [])
      .map((conversation) => ({
        ...snapshot(conversation),
        lastMessage: conversation.messages.at(-1) ?? null,
      }))
      .sort(newestFirst)
      .slice(0, Math.max(limit, 0));
  }

  users(userIds: readonly string[]): StoredUser[] {
    this.#expectOpen();
    return [...new Set(userIds)].flatMap((userId) => this.#users.get(userId) ?? []);
  }

  close(): void {
    this.#closed = true;
  }

  #expectOpen(): void {
    if (this.#closed) throw unavailable("the store is closed");
  }

  /** Throws unless the whole batch can be applied. */
  #check({ conversations, messages }: WriteBatch): void {
    const created = new Set(conversations.map(({ id }) => id));
    const taken = new Set<string>();
    const take = (...key: readonly (string | number)[]): void => {
      const text = JSON.stringify(key);
      if (taken.has(text)) throw unavailable("a message of the batch is in it twice");
      taken.add(text);
    };
    for (const { id, conversationId, seq, senderId, clientMessageId } of messages) {
      const conversation = this.#conversations.get(conversationId);
      if (conversation === undefined && !created.has(conversationId)) {
        throw unavailable("a message of the batch has no conversation");
      }
      const stored = conversation?.messages ?? [];
      if (stored[firstAbove(stored, seq - 1)]?.seq === seq) {
        throw unavailable("a seq of the batch is taken");
      }
      take("seq", conversationId, seq);
      if (this.#messages.has(id)) throw unavailable("a message id of the batch is taken");
      take("id", id);
      if (clientMessageId === null) continue;
      if (this.#messagesByClientId.get(senderId)?.has(clientMessageId)) {
        throw unavailable("a client's message id of the batch is taken");
      }
      take("client", senderId, clientMessageId);
    }
  }

  #create({ id, kind, createdMs, memberIds }: NewConversation): void {
    if (this.#conversations.has(id)) return;
    const members = new Map<string, StoredMember>();
    const conversation: Conversation = { id, kind, createdMs, members, messages: [] };
    this.#conversations.set(id, conversation);
    for (const userId of new Set(memberIds)) {
      members.set(userId, { userId, deliveredSeq: 0, readSeq: 0 });
      const joined = this.#conversationsOfUser.get(userId);
      if (joined === undefined) this.#conversationsOfUser.set(userId, [conversation]);
      else joined.push(conversation);
    }
  }

  #append(message: StoredMessage): void {
    const messages = this.#conversations.get(message.conversationId)?.messages ?? [];
    const kept = copyOf(message);
    messages.splice(firstAbove(messages, kept.seq), 0, kept);
    this.#messages.set(kept.id, kept);
    if (kept.clientMessageId === null) return;
    const ofSender = this.#messagesByClientId.get(kept.senderId);
    if (ofSender !== undefined) ofSender.set(kept.clientMessageId, kept);
    else this.#messagesByClientId.set(kept.senderId, new Map([[kept.clientMessageId, kept]]));
  }

  #advance({ conversationId, userId, deliveredSeq, readSeq }: WatermarkWrite): void {
    const members = this.#conversations.get(conversationId)?.members;
    const member = members?.get(userId);
    if (members === undefined || member === undefined) return;
    members.set(userId, {
      userId,
      deliveredSeq: Math.max(member.deliveredSeq, deliveredSeq),
      readSeq: Math.max(member.readSeq, readSeq),
    });
  }
}

function unavailable(message: string): AppError {
  return new AppError("STORAGE_UNAVAILABLE", message);
}

function snapshot({ id, kind, createdMs, members, messages }: Conversation): StoredConversation {
  return { id, kind, createdMs, lastSeq: lastSeqOf(messages), members: [...members.values()] };
}

function lastSeqOf(messages: readonly StoredMessage[]): number {
  return messages.at(-1)?.seq ?? 0;
}

/** The index of the first message whose `seq` is above the given one; the length if there is none. */
function firstAbove(messages: readonly StoredMessage[], seq: number): number {
  let low = 0;
  let high = messages.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((messages[middle]?.seq ?? 0) > seq) high = middle;
    else low = middle + 1;
  }
  return low;
}

function byTime(a: StoredMessage, b: StoredMessage): number {
  return a.timestampMs - b.timestampMs || compare(a.id, b.id);
}

function newestMs({ messages }: { readonly messages: readonly StoredMessage[] }): number {
  return messages.at(-1)?.timestampMs ?? -1;
}

function newestFirst(a: ConversationOverview, b: ConversationOverview): number {
  const newestMs = ({ lastMessage }: ConversationOverview) => lastMessage?.timestampMs ?? -1;
  return newestMs(b) - newestMs(a) || b.createdMs - a.createdMs || compare(a.id, b.id);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
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
  };
}
