import { AppError, toAppError } from "../errors.ts";
import { type MaybePromise, whenReady } from "../maybe-promise.ts";
import type { Conversation } from "./conversations.ts";
import { shownSince } from "./events.ts";
import { HeldMessages } from "./held-messages.ts";
import type { StoredMessage } from "./ports.ts";
import type { ReplayOptions, ReplayReader } from "./replay.ts";
import type { Position, Sync } from "./sync.ts";

/** Messages that a device gets in one read of the store: so many, or as many as it took last time. */
const MOST_IN_PAGE = 100;
const FEWEST_IN_PAGE = 4;
/** Of the conversations that a device did not name, how many it is told of, the newest first. */
const MOST_OTHERS = 250;

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

/** What came of one page. */
interface PageStep {
  /** Of its messages the device was handed so many, up to that `seq`. */
  readonly count: number;
  readonly nextSeq: number;
  /** Nothing follows. */
  readonly isLast: boolean;
  /** The rest must wait for it. */
  readonly pause: Promise<void> | null;
}

/**
 * One replay to a device, from the holding of its live messages to their release: reads what the
 * device misses from the store, hands it over in order, and then what the store did not have yet.
 */
export class CatchUp {
  readonly #options: ReplayOptions;
  readonly #userId: string;
  readonly #reader: ReplayReader;
  /** Where what the subscription was sent begins, by conversation, see `Replay`. */
  readonly #beginnings: Map<string, number>;
  /** Conversations that the device must read anew. */
  readonly #anew = new Set<string>();
  readonly #held: HeldMessages;
  #tasks: Task[] = [];
  #isDone = false;
  readonly #syncs: Sync[] = [];
  /** How far each conversation has been read from the store. */
  readonly #cursors = new Map<string, number>();
  /** The user's own messages up to here belong to what a sync asked for. */
  readonly #ownUpto = new Map<string, number>();
  /** Messages that the device was sent before the store had them: live, or in place of that. */
  readonly #sent = new Set<string>();

  constructor(
    options: ReplayOptions,
    userId: string,
    reader: ReplayReader,
    beginnings: Map<string, number>,
  ) {
    this.#options = options;
    this.#userId = userId;
    this.#reader = reader;
    this.#beginnings = beginnings;
    this.#held = new HeldMessages(userId);
  }

  /** The device is live: what comes now is for another one. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** Syncs that wait for it to end. */
  get syncs(): readonly Sync[] {
    return this.#syncs;
  }

  add(sync: Sync): void {
    this.#syncs.push(sync);
    const { positions } = sync.request;
    // What the device says of itself is better known than what its user has received.
    this.#tasks = this.#tasks.filter(
      (task) => task.kind !== "unreceived" || !positions.has(task.conversationId),
    );
    for (const [conversationId, position] of positions) {
      this.#tasks.push({ kind: "missed", conversationId, position, sync });
    }
    this.#tasks.push({ kind: "others", sync });
  }

  /** For a new subscription: what the user has not received, and what syncs ask for. */
  ofNew(): Promise<void> {
    this.#reader.hold(this.#held.add);
    const early = this.#shown();
    return this.#run(async () => {
      const { shared } = this.#options;
      await shared?.heard(this.#userId);
      if (shared !== null) {
        await shared.settle(this.#userId, this.#reader);
        this.#held.clear();
      }
      return this.#addUnreceived(early);
    });
  }

  /** For a subscription that was live: what syncs ask for. */
  ofLive(): Promise<void> {
    this.#reader.hold(this.#held.add);
    const early = this.#shown().filter((message) => {
      const isNamed = this.#isNamed(message.conversationId);
      if (!isNamed) this.#sent.add(message.id);
      return isNamed;
    });
    return this.#run(async () => early);
  }

  async #run(prepare: () => Promise<StoredMessage[]>): Promise<void> {
    try {
      await this.#catchUp(await prepare());
      if (!this.#reader.isOpen) for (const sync of this.#syncs) sync.fail(notSubscribed());
    } catch (fault) {
      for (const sync of this.#syncs) sync.fail(toAppError(fault));
      throw fault;
    }
  }

  #isNamed(conversationId: string): boolean {
    return this.#syncs.some(({ request }) => request.positions.has(conversationId));
  }

  /** Shown to others, perhaps before this device listened, and not in the store yet. */
  #shown(): StoredMessage[] {
    const { journal, conversations } = this.#options;
    return [...journal.shown()].filter(({ conversationId, seq }) =>
      conversations.peek(conversationId)?.isFor(this.#userId, seq),
    );
  }

  /** Of what is not in the store, leaves out what another device has just acknowledged. */
  async #addUnreceived(early: readonly StoredMessage[]): Promise<StoredMessage[]> {
    const { store, journal } = this.#options;
    const received = journal.uncommittedDeliveries(this.#userId);
    for (const { conversationId, deliveredSeq } of await store.backlog(this.#userId)) {
      if (this.#isNamed(conversationId)) continue;
      const afterSeq = Math.max(deliveredSeq, received.get(conversationId) ?? 0);
      this.#tasks.push({ kind: "unreceived", conversationId, afterSeq });
    }
    return early.filter(
      ({ conversationId, seq }) =>
        this.#isNamed(conversationId) || seq > (received.get(conversationId) ?? 0),
    );
  }

  async #catchUp(early: readonly StoredMessage[]): Promise<void> {
    const { conversations } = this.#options;
    let unstored = early;
    for (;;) {
      for (let task = this.#tasks.shift(); task !== undefined; task = this.#tasks.shift()) {
        if (await this.#hasRoom()) await this.#handOver(task);
        if (!this.#reader.isOpen) return;
      }
      await this.#handOverUnstored(unstored);
      // For the answers to syncs, which are long, there must be room as well.
      if (this.#syncs.length > 0) await this.#hasRoom();
      if (!this.#reader.isOpen) return;
      const overflow = this.#held.takeOverflow();
      unstored = overflow === null ? this.#held.take() : this.#readAgain(overflow);
      if (unstored.length === 0 && this.#tasks.length === 0) break;
    }
    this.#isDone = true;
    // One that is not in memory has no member whom the store does not know of.
    const isMember = (conversationId: string) =>
      conversations.peek(conversationId)?.members.has(this.#userId) !== false;
    for (const sync of this.#syncs) sync.settle(this.#userId, isMember);
    this.#handOverAnew();
    this.#reader.goLive();
  }

  /**
   * Of conversations that the device must read anew, what is not on disk yet is in no history. It comes
   * after SYNCED, which says so: a message that came before would look as if it followed what is at
   * hand. They are few: what was committed meanwhile is in the history.
   */
  #handOverAnew(): void {
    if (this.#anew.size === 0) return;
    for (const message of this.#shown()) {
      const { conversationId, seq } = message;
      const committedSeq = this.#options.conversations.peek(conversationId)?.committedSeq ?? 0;
      if (!this.#anew.has(conversationId) || seq <= committedSeq) continue;
      if (this.#isMissing(message)) this.#replay(message);
    }
  }

  /** Looked at before each message: the user may have left, or be back, without those before. */
  #isFor({ conversationId, seq }: StoredMessage): MaybePromise<boolean> {
    const { conversations } = this.#options;
    return whenReady(
      conversations.findAs(this.#userId, conversationId),
      (conversation) => conversation?.isFor(this.#userId, seq) === true,
    );
  }

  #replay(message: StoredMessage): void {
    const conversation = this.#options.conversations.peek(message.conversationId);
    const joinedSeq = conversation?.members.get(this.#userId)?.joinedSeq ?? 0;
    this.#reader.replay(shownSince(joinedSeq, message));
  }

  /** Waits until the device takes more. False if it is gone. */
  async #hasRoom(): Promise<boolean> {
    const pause = this.#reader.ready();
    if (pause !== null) await pause;
    return this.#reader.isOpen;
  }

  /** Messages that the store did not have when it was read, in order. */
  async #handOverUnstored(messages: readonly StoredMessage[]): Promise<void> {
    for (const message of messages) {
      const { id, conversationId, seq } = message;
      if (!(await this.#hasRoom())) return;
      if (this.#anew.has(conversationId)) {
        for (const sync of this.#syncs) sync.leftOut(conversationId, seq);
        continue;
      }
      if (seq <= (this.#cursors.get(conversationId) ?? 0)) continue;
      if (this.#sent.has(id) || this.#options.recent.wasRefused(message)) continue;
      const isFor = this.#isFor(message);
      if (isFor instanceof Promise ? !(await isFor) : !isFor) continue;
      if (!this.#isMissing(message)) {
        this.#beginnings.set(conversationId, seq + 1);
        continue;
      }
      this.#sent.add(id);
      this.#begin(conversationId, seq);
      this.#replay(message);
    }
  }

  /**
   * Too many came to be held: they are read from the store, or will be there soon. What the store
   * does not have yet is returned.
   */
  #readAgain(overflow: ReadonlyMap<string, number>): StoredMessage[] {
    for (const [conversationId, seq] of overflow) {
      if (this.#anew.has(conversationId)) {
        const { committedSeq = seq } = this.#options.conversations.peek(conversationId) ?? {};
        for (const sync of this.#syncs) sync.leftOut(conversationId, committedSeq);
        continue;
      }
      const afterSeq = Math.max(seq - 1, this.#cursors.get(conversationId) ?? 0);
      this.#tasks.push({ kind: "unreceived", conversationId, afterSeq });
    }
    const shown = this.#shown();
    const isOnItsWay = new Set(shown.map(({ id }) => id));
    for (const id of this.#sent) if (!isOnItsWay.has(id)) this.#sent.delete(id);
    return shown;
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
    const conversation = await this.#options.conversations.findFresh(conversationId);
    if (!conversation?.members.has(this.#userId)) {
      sync.answer(conversationId, null);
      return;
    }
    // Also of a conversation that it must read anew: what is not on disk yet is in no history.
    this.#ownUpto.set(conversationId, conversation.lastSeq);
    const { committedSeq } = conversation;
    const joinedSeq = conversation.members.get(this.#userId)?.joinedSeq ?? 0;
    const isWhole =
      !this.#anew.has(conversationId) &&
      position.seq >= joinedSeq &&
      (await this.#isHeldBy(conversation, position)) &&
      ((sync.isFirst && this.#hasBrought(conversationId, position.seq)) ||
        (await this.#replayMissed(conversation, position.seq)));
    if (!isWhole) this.#anew.add(conversationId);
    // What other nodes write from here on may be known before it has been told.
    const uptoSeq = this.#options.shared === null ? null : committedSeq;
    sync.answer(conversationId, { conversation, uptoSeq, resync: !isWhole });
  }

  /** The subscription was sent everything after that `seq`. */
  #hasBrought(conversationId: string, seq: number): boolean {
    const beginning = this.#beginnings.get(conversationId);
    return beginning !== undefined && seq >= beginning - 1;
  }

  #replayMissed(conversation: Conversation, afterSeq: number): Promise<boolean> {
    this.#begin(conversation.id, afterSeq + 1);
    return this.#replayStored(conversation.id, afterSeq, conversation);
  }

  #begin(conversationId: string, seq: number): void {
    const known = this.#beginnings.get(conversationId) ?? seq;
    this.#beginnings.set(conversationId, Math.min(known, seq));
  }

  /** The conversation has the message that the device says it saw last. */
  async #isHeldBy(conversation: Conversation, { seq, id }: Position): Promise<boolean> {
    if (seq > conversation.lastSeq) return false;
    if (id === null || seq === 0) return true;
    const { journal, shared, store } = this.#options;
    // Where other nodes write, nobody has been shown these, and their `seq` may yet be another's.
    for (const message of shared === null ? journal.uncommitted() : []) {
      if (message.conversationId === conversation.id && message.seq === seq) {
        return message.id === id;
      }
    }
    const query = { conversationId: conversation.id, afterSeq: seq - 1, limit: 1 };
    const [message] = await store.history(query);
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
    let limit = MOST_IN_PAGE;
    let cursor = afterSeq;
    for (let hasRoom = false; ; ) {
      const query = { conversationId, afterSeq: cursor, limit };
      const step = await this.#replayPage(query, conversation, hasRoom);
      if (step === null) return false;
      const { count, nextSeq, isLast, pause } = step;
      cursor = nextSeq;
      if (pause === null) {
        if (isLast || !this.#reader.isOpen) return true;
        limit = Math.min(MOST_IN_PAGE, 2 * limit);
      } else {
        limit = Math.min(MOST_IN_PAGE, Math.max(FEWEST_IN_PAGE, count));
        // A device may take its time; meanwhile no page is kept for it.
        await pause;
        if (!this.#reader.isOpen) return true;
      }
      hasRoom = pause !== null;
    }
  }

  /**
   * Reads a page and hands over as much of it as the device takes now; null if what it should begin
   * with is not there any more, which counts for a `conversation`. `hasRoom`: for the first message the
   * device need not be asked, since it has just said so. Asked after each wait, it would say that it is
   * the others' turn, again and again.
   */
  async #replayPage(
    query: { readonly conversationId: string; readonly afterSeq: number; readonly limit: number },
    conversation: Conversation | null,
    hasRoom: boolean,
  ): Promise<PageStep | null> {
    const { conversationId, afterSeq, limit } = query;
    const committedSeq = conversation?.committedSeq ?? 0;
    const page = await this.#options.store.history(query);
    await this.#reach(page.at(-1));
    const firstSeq = page[0]?.seq ?? committedSeq + 1;
    if (firstSeq > afterSeq + 1) {
      if (conversation !== null) return null;
      this.#beginnings.set(conversationId, firstSeq); // Retention has removed what was before.
    }
    let nextSeq = afterSeq;
    for (const [count, message] of page.entries()) {
      const pause = hasRoom && count === 0 ? null : this.#reader.ready();
      if (pause !== null) return { count, nextSeq, isLast: false, pause };
      const isFor = this.#reader.isOpen && this.#isFor(message);
      if (isFor instanceof Promise ? !(await isFor) : !isFor) {
        return { count, nextSeq, isLast: true, pause: null };
      }
      if (this.#isMissing(message)) this.#replay(message);
      else this.#beginnings.set(conversationId, message.seq + 1);
      nextSeq = message.seq;
      this.#cursors.set(conversationId, nextSeq);
    }
    return { count: page.length, nextSeq, isLast: page.length < limit, pause: null };
  }

  /** Others here are told first: what they are told later would come to this device a second time. */
  async #reach(last: StoredMessage | undefined): Promise<void> {
    const { shared } = this.#options;
    if (shared === null || last === undefined || !shared.isFresh(last)) return;
    await shared.reach(last.conversationId, last.seq);
  }

  #isMissing({ id, senderId, conversationId, seq }: StoredMessage): boolean {
    if (senderId !== this.#userId) return true;
    return seq <= (this.#ownUpto.get(conversationId) ?? 0) || this.#held.hasOwn(id);
  }
}

function notSubscribed(): AppError {
  return new AppError("NOT_SUBSCRIBED", "The subscription to /user/queue/messages has ended");
}
