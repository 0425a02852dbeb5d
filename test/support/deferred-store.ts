import type { PlaceBehind, WriteBatch } from "../../src/chat/chat-writes.ts";
import type {
  ChatStore,
  ConversationRange,
  ExpiryPortion,
  ExpiryProgress,
  FoundHeads,
  HistoryQuery,
  ListQuery,
} from "../../src/chat/ports.ts";
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
} from "../../src/chat/stored-chats.ts";
import type { Storage } from "../../src/storage/storage.ts";

/** The storage, with chats that are answered late. */
export function deferred(storage: Storage): Storage {
  const close = () => storage.close();
  return { ...storage, chat: new DeferredStore(storage.chat), close };
}

/** Answers every read by a promise, a few turns late, as an engine across a network does. */
export class DeferredStore implements ChatStore {
  readonly #store: ChatStore;

  constructor(store: ChatStore) {
    this.#store = store;
  }

  commit(batch: WriteBatch, placeBehind?: PlaceBehind): Promise<void> {
    return this.#store.commit(batch, placeBehind);
  }

  probe(): Promise<void> {
    return this.#store.probe();
  }

  removeExpired(portion: ExpiryPortion): Promise<ExpiryProgress> {
    return this.#store.removeExpired(portion);
  }

  conversation(id: string): Promise<StoredConversation | null> {
    return later(() => this.#store.conversation(id));
  }

  messageById(id: string): Promise<StoredMessage | null> {
    return later(() => this.#store.messageById(id));
  }

  messageByClientId(senderId: string, clientMessageId: string): Promise<SentMessage | null> {
    return later(() => this.#store.messageByClientId(senderId, clientMessageId));
  }

  history(query: HistoryQuery): Promise<StoredMessage[]> {
    return later(() => this.#store.history(query));
  }

  backlog(userId: string): Promise<BacklogHead[]> {
    return later(() => this.#store.backlog(userId));
  }

  conversationHeads(userId: string, limit: number): Promise<ConversationHead[]> {
    return later(() => this.#store.conversationHeads(userId, limit));
  }

  lastMessageId(): Promise<string | null> {
    return later(() => this.#store.lastMessageId());
  }

  conversationsAfter(
    userId: string,
    messageId: string,
    range: ConversationRange,
  ): Promise<FoundHeads<NewestMessage>> {
    return later(() => this.#store.conversationsAfter(userId, messageId, range));
  }

  unreceived(userId: string, range: ConversationRange): Promise<FoundHeads<BacklogHead>> {
    return later(() => this.#store.unreceived(userId, range));
  }

  lastMessagePerSender(
    conversationId: string,
    afterSeq: number,
    uptoSeq: number,
    exceptSenderId: string,
  ): Promise<StoredMessage[]> {
    return later(() =>
      this.#store.lastMessagePerSender(conversationId, afterSeq, uptoSeq, exceptSenderId),
    );
  }

  conversationsOf(query: ListQuery): Promise<ConversationOverview[]> {
    return later(() => this.#store.conversationsOf(query));
  }

  versions(messageId: string): Promise<MessageVersion[]> {
    return later(() => this.#store.versions(messageId));
  }

  reactionOf(messageId: string, userId: string): Promise<string | null> {
    return later(() => this.#store.reactionOf(messageId, userId));
  }

  replies(messageId: string, afterSeq: number, limit: number): Promise<StoredMessage[]> {
    return later(() => this.#store.replies(messageId, afterSeq, limit));
  }

  disappearing(limit: number): Promise<StoredMessage[]> {
    return later(() => this.#store.disappearing(limit));
  }

  pinned(conversationId: string, limit: number): Promise<StoredMessage[]> {
    return later(() => this.#store.pinned(conversationId, limit));
  }

  conversationOf(userId: string, id: string): Promise<ConversationOverview | null> {
    return later(() => this.#store.conversationOf(userId, id));
  }

  slowest(conversationId: string, limit: number): Promise<MemberDelivery[]> {
    return later(() => this.#store.slowest(conversationId, limit));
  }

  contactsOf(userId: string, limit: number): Promise<string[]> {
    return later(() => this.#store.contactsOf(userId, limit));
  }

  users(userIds: readonly string[]): Promise<StoredUser[]> {
    return later(() => this.#store.users(userIds));
  }
}

async function later<T>(read: () => T | Promise<T>): Promise<T> {
  for (let turn = 0; turn < 3; turn++) await Promise.resolve();
  return read();
}
