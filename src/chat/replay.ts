import { AppError, toAppError } from "../errors.ts";
import type { Conversation, Conversations } from "./conversations.ts";
import { HeldMessages } from "./held-messages.ts";
import type { Journal } from "./journal.ts";
import type { ChatStore, StoredMessage } from "./ports.ts";
import type { RecentMessages } from "./recent-messages.ts";
import { type Position, Sync, type SyncRequest } from "./sync.ts";

/** Messages that a device gets in one read of the store. */
const PAGE_MESSAGES = 100;
/** Syncs of one device that may wait for each other. */
const MOST_SYNCS = 16;
/** Of the conversations that a device did not name, how many it is told of, the newest first. */
const MOST_OTHERS = 500;

/** One subscription of a device to its user's messages. */
export interface ReplayReader {
  readonly isOpen: boolean;
  /** Until `goLive`, live messages go to `receive` and not to the device. */
  hold(receive: (message: StoredMessage) => void): void;
  goLive(): void;
  /** Hands over one message, marked `replay`. */
  replay(message: StoredMessage): void;
  /** The device was sent the message live, before the holding; its departure is to be watched. */
  watch(message: StoredMessage): void;
  /** Room for more: null at once, else a promise that resolves also when the device is gone. */
  ready(): Promise<void> | null;
}

export interface ReplayOptions {
  readonly store: ChatStore;
  readonly conversations: Conversations;
  readonly journal: Journal;
  readonly recent: RecentMessages;
}

type Task =
  /** What the user has not received on any device. */
  | { readonly kind: "unreceived"; readonly conversationId: string; readonly afterSeq: number }
  /** What the device says that it misses. */
  | {
      readonly kind: "missed";
      readonly conversationId: string;
      readonly position: Position;
      readonly sync: Sync;
    }
  /** What the device did not ask about. */
  | { readonly kind: "others"; readonly sync: Sync };

/**
 * Sends one device what it misses, each conversation in `seq` order, and joins it to the live
 * messages without a gap or a doubled message: they are held from before the first read, and those
 * beyond what was replayed follow it.
 *
 * What it misses is, when it subscribes, what the user has received on no device; and whenever it
 * says with a sync how far it has come itself, everything after that. The first sync speaks of what
 * the device had before it subscribed: what the subscription has brought since is not sent again,
 * unless something before it is missing. Later ones are taken at their word.
 */
export class Replay {
  readonly #options: ReplayOptions;
  readonly #userId: string;
  readonly #reader: ReplayReader;
  readonly #held: HeldMessages;
  #tasks: Task[] = [];
  #syncs: Sync[] = [];
  #isRunning = false;
  #hasSynced = false;
  /**
   * Until the first sync: where what this subscription was sent begins, by conversation. Not of those
   * in which it was not sent one's own messages, of other devices perhaps.
   */
  readonly #beginnings = new Map<string, number>();
  /** How far each conversation has been read from the store while messages are held. */
  readonly #cursors = new Map<string, number>();
  /** The user's own messages up to here belong to what a sync asked for. */
  readonly #ownUpto = new Map<string, number>();
  /** Messages that the device was sent live and that are not in the store yet. */
  readonly #sentLive = new Set<string>();

  constructor(options: ReplayOptions, userId: string, reader: ReplayReader) {
    this.#options = options;
    this.#userId = userId;
    this.#reader = reader;
    this.#held = new HeldMessages(userId);
  }

  /**
   * The subscription has just been opened. `syncs` came before it: they say where it begins. Resolves
   * when the device is live, or gone. Rejects with STORAGE_UNAVAILABLE when it would miss messages
   * unknowingly: then it must come again.
   */
  start(syncs: readonly SyncRequest[]): Promise<void> {
    this.#reader.hold(this.#held.add);
    const early = this.#shown();
    for (const request of syncs) this.#add(request);
    return this.#run(early, true);
  }

  /**
   * As `start`, for a sync that comes while the subscription is open; one that comes during another
   * replay resolves at once and is answered with it. Throws RATE_LIMITED.
   */
  sync(request: SyncRequest): Promise<void> {
    if (this.#syncs.length >= MOST_SYNCS) {
      throw new AppError("RATE_LIMITED", "Too many syncs wait for each other; ask again later");
    }
    if (this.#isRunning) {
      this.#add(request);
      return Promise.resolve();
    }
    this.#reader.hold(this.#held.add);
    const early = this.#shown().filter((message) => {
      this.#reader.watch(message); // At its commit nobody will: the subscription is not live.
      const isAskedFor = request.positions.has(message.conversationId);
      if (!isAskedFor) this.#sentLive.add(message.id);
      return isAskedFor;
    });
    this.#add(request);
    return this.#run(early, false);
  }

  #add(request: SyncRequest): void {
    const sync = new Sync(request, !this.#hasSynced);
    this.#hasSynced = true;
    this.#syncs.push(sync);
    const { positions } = request;
    // What the device says of itself is better known than what its user has received.
    this.#tasks = this.#tasks.filter(
      (task) => task.kind !== "unreceived" || !positions.has(task.conversationId),
    );
    for (const [conversationId, position] of positions) {
      this.#tasks.push({ kind: "missed", conversationId, position, sync });
    }
    this.#tasks.push({ kind: "others", sync });
  }

  async #run(early: StoredMessage[], isNew: boolean): Promise<void> {
    this.#isRunning = true;
    try {
      await this.#catchUp(isNew ? await this.#addUnreceived(early) : early);
      if (!this.#reader.isOpen) this.#settle(notSubscribed());
    } catch (fault) {
      this.#settle(toAppError(fault));
      throw fault;
    } finally {
      this.#isRunning = false;
      this.#tasks = [];
      this.#cursors.clear();
      this.#ownUpto.clear();
      this.#sentLive.clear();
      this.#held.clear();
    }
  }

  /** Shown to others, perhaps before this device listened, and not in the store yet. */
  #shown(): StoredMessage[] {
    const { journal, conversations } = this.#options;
    return [...journal.shown()].filter(({ conversationId }) =>
      conversations.peek(conversationId)?.members.has(this.#userId),
    );
  }

  /** Of what is not in the store, leaves out what another device has just acknowledged. */
  async #addUnreceived(early: readonly StoredMessage[]): Promise<StoredMessage[]> {
    const { store, journal } = this.#options;
    const received = journal.uncommittedDeliveries(this.#userId);
    for (const { conversationId, deliveredSeq } of await store.backlog(this.#userId)) {
      const isNamed = this.#tasks.some(
        (task) => task.kind === "missed" && task.conversationId === conversationId,
      );
      if (isNamed) continue;
      const afterSeq = Math.max(deliveredSeq, received.get(conversationId) ?? 0);
      this.#tasks.push({ kind: "unreceived", conversationId, afterSeq });
    }
    return early.filter(({ conversationId, seq }) => {
      const isNamed = this.#syncs.some(({ request }) => request.positions.has(conversationId));
      return isNamed || seq > (received.get(conversationId) ?? 0);
    });
  }

  async #catchUp(early: StoredMessage[]): Promise<void> {
    let unread = early;
    for (;;) {
      for (let task = this.#tasks.shift(); task !== undefined; task = this.#tasks.shift()) {
        const pause = this.#reader.ready();
        if (pause !== null) await pause;
        if (this.#reader.isOpen) await this.#handOver(task);
        if (!this.#reader.isOpen) return;
      }
      const overflow = this.#held.takeOverflow();
      if (overflow === null) break;
      unread = this.#readAgain(overflow, unread);
    }
    this.#join(unread);
    this.#reader.goLive();
    this.#settle(null);
  }

  /** Too many came to be held: they are read from the store, or there soon. */
  #readAgain(overflow: Map<string, number>, early: readonly StoredMessage[]): StoredMessage[] {
    for (const { conversationId, seq } of early) {
      overflow.set(conversationId, Math.min(seq, overflow.get(conversationId) ?? seq));
    }
    for (const [conversationId, seq] of overflow) {
      const afterSeq = this.#cursors.get(conversationId) ?? seq - 1;
      this.#tasks.push({ kind: "unreceived", conversationId, afterSeq });
    }
    return this.#shown().filter(({ id }) => !this.#sentLive.has(id));
  }

  async #handOver(task: Task): Promise<void> {
    switch (task.kind) {
      case "unreceived": {
        const { conversationId, afterSeq } = task;
        this.#begin(conversationId, afterSeq + 1);
        await this.#replayStored(conversationId, afterSeq, null);
        return;
      }
      case "missed":
        await this.#handOverMissed(task.conversationId, task.position, task.sync);
        return;
      case "others": {
        const { sync } = task;
        const heads = await this.#options.store.conversationHeads(this.#userId, MOST_OTHERS);
        for (const { conversationId, lastSeq } of heads) sync.foundOther(conversationId, lastSeq);
      }
    }
  }

  async #handOverMissed(conversationId: string, position: Position, sync: Sync): Promise<void> {
    const conversation = await this.#options.conversations.find(conversationId);
    if (!conversation?.members.has(this.#userId)) {
      sync.answer(conversationId, null, false);
      return;
    }
    const beginning = this.#beginnings.get(conversationId);
    if (sync.isFirst && beginning !== undefined && position.seq >= beginning - 1) {
      sync.answer(conversationId, conversation, false); // The subscription has brought the rest.
      return;
    }
    this.#begin(conversationId, position.seq + 1);
    this.#ownUpto.set(conversationId, conversation.lastSeq);
    const isWhole =
      (await this.#isHeldBy(conversation, position)) &&
      (await this.#replayStored(conversationId, position.seq, conversation));
    if (!isWhole) this.#cursors.set(conversationId, conversation.committedSeq);
    sync.answer(conversationId, conversation, !isWhole);
  }

  #begin(conversationId: string, seq: number): void {
    const known = this.#beginnings.get(conversationId) ?? seq;
    this.#beginnings.set(conversationId, Math.min(known, seq));
  }

  /** The conversation has the message that the device says it saw last. */
  async #isHeldBy(conversation: Conversation, { seq, id }: Position): Promise<boolean> {
    if (seq > conversation.lastSeq) return false;
    if (id === null || seq === 0) return true;
    for (const message of this.#options.journal.uncommitted()) {
      if (message.conversationId === conversation.id && message.seq === seq) {
        return message.id === id;
      }
    }
    const query = { conversationId: conversation.id, afterSeq: seq - 1, limit: 1 };
    const [message] = await this.#options.store.history(query);
    // One that retention has removed, the next one may follow all the same.
    return message?.seq !== seq || message.id === id;
  }

  /**
   * The stored messages after `afterSeq`. False if some of them are not there any more, which is
   * looked at only for a `conversation` whose messages must be there wholly; none was sent then,
   * unless they were removed in this very moment.
   */
  async #replayStored(
    conversationId: string,
    afterSeq: number,
    conversation: Conversation | null,
  ): Promise<boolean> {
    for (let cursor = afterSeq; ; ) {
      const committedSeq = conversation?.committedSeq ?? 0;
      const query = { conversationId, afterSeq: cursor, limit: PAGE_MESSAGES };
      const page = await this.#options.store.history(query);
      const firstSeq = page[0]?.seq ?? committedSeq + 1;
      if (conversation !== null && firstSeq > cursor + 1) return false;
      for (const message of page) {
        const pause = this.#reader.ready();
        if (pause !== null) await pause;
        if (!this.#reader.isOpen) return true;
        if (this.#isMissing(message)) this.#reader.replay(message);
        else this.#beginnings.set(conversationId, message.seq + 1);
        cursor = message.seq;
        this.#cursors.set(conversationId, cursor);
      }
      if (page.length < PAGE_MESSAGES) return true;
    }
  }

  #isMissing({ id, senderId, conversationId, seq }: StoredMessage): boolean {
    if (senderId !== this.#userId) return true;
    return seq <= (this.#ownUpto.get(conversationId) ?? 0) || this.#held.hasOwn(id);
  }

  /** Everything that the store did not have when it was read, in order. */
  #join(early: readonly StoredMessage[]): void {
    const sent = new Set<string>();
    for (const message of [...early, ...this.#held.take()]) {
      const { id, conversationId, seq } = message;
      if (seq <= (this.#cursors.get(conversationId) ?? 0)) continue;
      if (sent.has(id) || this.#options.recent.wasRefused(message)) continue;
      if (!this.#isMissing(message)) continue;
      sent.add(id);
      if (!this.#hasSynced) this.#begin(conversationId, seq);
      this.#reader.replay(message);
    }
  }

  /** Tells all syncs, with `fault` that they failed. */
  #settle(fault: AppError | null): void {
    if (this.#hasSynced) this.#beginnings.clear();
    for (const sync of this.#syncs.splice(0)) {
      if (fault === null) sync.settle(this.#userId);
      else sync.fail(fault);
    }
  }
}

function notSubscribed(): AppError {
  return new AppError("NOT_SUBSCRIBED", "The subscription to /user/queue/messages has ended");
}
