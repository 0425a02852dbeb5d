import type { Clock } from "../clock.ts";
import { type MaybePromise, whenReady } from "../maybe-promise.ts";
import type { PlaceBehind, WriteBatch } from "./chat-writes.ts";
import { shownAt } from "./erased-message.ts";
import type {
  ChatStore,
  ConversationRange,
  ExpiryPortion,
  HistoryQuery,
  ListQuery,
} from "./ports.ts";
import type { ConversationOverview, StoredMessage } from "./stored-chats.ts";

/**
 * A store as it is read at this moment: a message whose time is over says nothing, though what
 * erases it may be late, since the server was away or the store fails. `disappearing` alone tells of
 * such messages as they are kept.
 */
export class TimelyStore implements ChatStore {
  readonly #inner: ChatStore;
  readonly #clock: Pick<Clock, "now">;

  constructor(inner: ChatStore, clock: Pick<Clock, "now">) {
    this.#inner = inner;
    this.#clock = clock;
  }

  commit(batch: WriteBatch, placeBehind?: PlaceBehind) {
    return this.#inner.commit(batch, placeBehind);
  }

  probe() {
    return this.#inner.probe();
  }

  removeExpired(portion: ExpiryPortion) {
    return this.#inner.removeExpired(portion);
  }

  conversation(id: string) {
    return this.#inner.conversation(id);
  }

  messageById(id: string) {
    return whenReady(this.#inner.messageById(id), (message) => message && this.#shown(message));
  }

  versions(messageId: string) {
    return this.#inner.versions(messageId);
  }

  reactionOf(messageId: string, userId: string) {
    return this.#inner.reactionOf(messageId, userId);
  }

  replies(messageId: string, afterSeq: number, limit: number) {
    return this.#shownAll(this.#inner.replies(messageId, afterSeq, limit));
  }

  disappearing(limit: number) {
    return this.#inner.disappearing(limit);
  }

  pinned(conversationId: string, limit: number) {
    return whenReady(this.#shownAll(this.#inner.pinned(conversationId, limit)), (messages) =>
      messages.filter(({ pinnedMs }) => pinnedMs !== null),
    );
  }

  messageByClientId(senderId: string, clientMessageId: string) {
    return this.#inner.messageByClientId(senderId, clientMessageId);
  }

  history(query: HistoryQuery) {
    return this.#shownAll(this.#inner.history(query));
  }

  lastMessageId() {
    return this.#inner.lastMessageId();
  }

  conversationsAfter(userId: string, messageId: string, range: ConversationRange) {
    return this.#inner.conversationsAfter(userId, messageId, range);
  }

  unreceived(userId: string, range: ConversationRange) {
    return this.#inner.unreceived(userId, range);
  }

  backlog(userId: string) {
    return this.#inner.backlog(userId);
  }

  conversationHeads(userId: string, limit: number) {
    return this.#inner.conversationHeads(userId, limit);
  }

  lastMessagePerSender(
    conversationId: string,
    afterSeq: number,
    uptoSeq: number,
    exceptSenderId: string,
  ) {
    return this.#shownAll(
      this.#inner.lastMessagePerSender(conversationId, afterSeq, uptoSeq, exceptSenderId),
    );
  }

  conversationsOf(query: ListQuery) {
    return whenReady(this.#inner.conversationsOf(query), (overviews) =>
      overviews.map((overview) => this.#overview(overview)),
    );
  }

  conversationOf(userId: string, id: string) {
    return whenReady(
      this.#inner.conversationOf(userId, id),
      (overview) => overview && this.#overview(overview),
    );
  }

  slowest(conversationId: string, limit: number) {
    return this.#inner.slowest(conversationId, limit);
  }

  contactsOf(userId: string, limit: number) {
    return this.#inner.contactsOf(userId, limit);
  }

  users(userIds: readonly string[]) {
    return this.#inner.users(userIds);
  }

  #shown(message: StoredMessage): StoredMessage {
    const isForGood = message.expiresMs === null && message.edited === null;
    return isForGood ? message : shownAt(this.#clock.now(), message);
  }

  #shownAll(messages: MaybePromise<StoredMessage[]>): MaybePromise<StoredMessage[]> {
    return whenReady(messages, (all) => all.map((message) => this.#shown(message)));
  }

  #overview(overview: ConversationOverview): ConversationOverview {
    const { lastMessage } = overview;
    return lastMessage === null ? overview : { ...overview, lastMessage: this.#shown(lastMessage) };
  }
}
