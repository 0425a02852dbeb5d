import type { WriteBatch } from "../../src/chat/chat-writes.ts";
import type { ChatStore, ExpiryPortion, ExpiryProgress } from "../../src/chat/ports.ts";
import { AppError } from "../../src/errors.ts";
import { MemoryChatStore } from "../../src/storage/memory-chat-store.ts";

type Given = Parameters<ChatStore["commit"]>;

/** A store whose commits wait for the test, and fail when it says so. */
export class HeldStore<Inner extends ChatStore = MemoryChatStore> {
  readonly batches: WriteBatch[] = [];
  #waiting: { given: Given; resolve: () => void; reject: (error: AppError) => void }[] = [];
  isHolding = false;
  isFailing = false;
  probes = 0;
  readonly portions: ExpiryPortion[] = [];

  readonly store: ChatStore = {
    commit: (...given) => this.#commit(given),
    probe: () => this.#probe(),
    removeExpired: (portion) => this.#removeExpired(portion),
    conversation: (id) => this.inner.conversation(id),
    messageById: (id) => this.inner.messageById(id),
    messageByClientId: (senderId, id) => this.inner.messageByClientId(senderId, id),
    history: (query) => this.inner.history(query),
    backlog: (userId) => this.inner.backlog(userId),
    conversationHeads: (userId, limit) => this.inner.conversationHeads(userId, limit),
    lastMessageId: () => this.inner.lastMessageId(),
    conversationsAfter: (...range) => this.inner.conversationsAfter(...range),
    unreceived: (userId, range) => this.inner.unreceived(userId, range),
    lastMessagePerSender: (...range) => this.inner.lastMessagePerSender(...range),
    conversationsOf: (query) => this.inner.conversationsOf(query),
    versions: (messageId) => this.inner.versions(messageId),
    reactionOf: (messageId, userId) => this.inner.reactionOf(messageId, userId),
    replies: (...page) => this.inner.replies(...page),
    disappearing: (limit) => this.inner.disappearing(limit),
    pinned: (conversationId, limit) => this.inner.pinned(conversationId, limit),
    conversationOf: (userId, id) => this.inner.conversationOf(userId, id),
    slowest: (conversationId, limit) => this.inner.slowest(conversationId, limit),
    contactsOf: (userId, limit) => this.inner.contactsOf(userId, limit),
    users: (userIds) => this.inner.users(userIds),
  };

  private constructor(readonly inner: Inner) {}

  static inMemory(): HeldStore {
    return new HeldStore(new MemoryChatStore());
  }

  /** Over a store that the test has opened, and closes. */
  static over<Inner extends ChatStore>(inner: Inner): HeldStore<Inner> {
    return new HeldStore(inner);
  }

  /** Lets the commit under way end. */
  async release(): Promise<void> {
    const next = this.#waiting.shift();
    if (next === undefined) throw new Error("no commit is under way");
    await this.#end(next.given).then(next.resolve, next.reject);
    await settled();
  }

  /** Whoever waits for the commit under way is no more. @param isCommitted it ends all the same */
  async abandon(isCommitted: boolean): Promise<void> {
    const next = this.#waiting.shift();
    if (next !== undefined && isCommitted) await this.#end(next.given).catch(() => {});
  }

  get isCommitting(): boolean {
    return this.#waiting.length > 0;
  }

  async #commit(given: Given): Promise<void> {
    this.batches.push(given[0]);
    if (!this.isHolding) return await this.#end(given);
    await new Promise<void>((resolve, reject) => this.#waiting.push({ given, resolve, reject }));
  }

  async #probe(): Promise<void> {
    this.probes += 1;
    if (this.isFailing) throw diskFull();
  }

  async #removeExpired(portion: ExpiryPortion): Promise<ExpiryProgress> {
    this.portions.push(portion);
    if (this.isFailing) throw diskFull();
    return await this.inner.removeExpired(portion);
  }

  async #end(given: Given): Promise<void> {
    if (this.isFailing) throw diskFull();
    await this.inner.commit(...given);
  }
}

function diskFull(): AppError {
  return new AppError("STORAGE_UNAVAILABLE", "the disk is full");
}

/** Everything that promises have set off so far has happened. */
export async function settled(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
  await new Promise<void>((resolve) => setImmediate(resolve));
}
