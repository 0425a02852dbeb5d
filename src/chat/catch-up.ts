import { AppError, toAppError } from "../errors.ts";
import { CatchUpDevice } from "./catch-up-device.ts";
import type { Conversation } from "./conversation.ts";
import { seqAt } from "./missed-messages.ts";
import type { ReplayOptions, ReplayReader, SharedMessages } from "./replay.ts";
import type { ConversationHead, StoredMessage } from "./stored-chats.ts";
import { StoredReplay } from "./stored-replay.ts";
import type { Position, Sync } from "./sync.ts";

const NO_ENDS: ReadonlyMap<string, number> = new Map();
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

/**
 * One replay to a device, from the holding of its live messages to their release: reads what the
 * device misses from the store, hands it over in order, and then what the store did not have yet.
 */
export class CatchUp {
  readonly #options: ReplayOptions;
  readonly #device: CatchUpDevice;
  readonly #stored: StoredReplay;
  /** Conversations that the device must read anew. */
  readonly #anew = new Set<string>();
  #tasks: Task[] = [];
  #isDone = false;
  readonly #syncs: Sync[] = [];
  /** Messages that the device was sent before the store had them: live, or in place of that. */
  readonly #sent = new Set<string>();

  /** @param beginnings where what the subscription was sent begins, by conversation, see `Replay` */
  constructor(
    options: ReplayOptions,
    userId: string,
    reader: ReplayReader,
    beginnings: Map<string, number>,
  ) {
    this.#options = options;
    this.#device = new CatchUpDevice(options, userId, reader, beginnings);
    this.#stored = new StoredReplay(options, this.#device);
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
    const { shared } = this.#options;
    this.#device.hold();
    const early = this.#shown();
    return this.#run(() =>
      shared === null ? this.#addUnreceived(early, NO_ENDS) : this.#beginAmongNodes(shared, early),
    );
  }

  /**
   * Where the store ends first, and what of it the user has not received by then, says what the device
   * comes too late for: what is told late of that is not for it. What is written since is, even if
   * another device has received it before this one reads. No clock says so: those of nodes differ.
   */
  async #beginAmongNodes(
    shared: SharedMessages,
    early: readonly StoredMessage[],
  ): Promise<StoredMessage[]> {
    const { userId, held } = this.#device;
    const heard = shared.heard(userId);
    const first = await shared.recent(userId, this.#device);
    const ends = new Map(
      first.heads.map(({ conversationId, lastSeq }) => [conversationId, lastSeq]),
    );
    held.holdAfter(ends);
    const unstored = await this.#addUnreceived(early, ends);
    if (heard === null) {
      await shared.settle(first.heads, this.#device);
      return unstored;
    }
    await heard;
    // What others told until now has not been heard here.
    const { heads } = await shared.recent(userId, this.#device);
    await this.#addSince(heads, ends, first.afterId);
    await shared.settle(heads, this.#device);
    return unstored;
  }

  /** @param ends where conversations ended of which messages are above `afterId` */
  async #addSince(
    heads: readonly ConversationHead[],
    ends: ReadonlyMap<string, number>,
    afterId: string,
  ): Promise<void> {
    const added = new Set(
      this.#tasks.map((task) => "conversationId" in task && task.conversationId),
    );
    for (const head of heads) {
      const { conversationId, lastSeq } = head;
      if (added.has(conversationId) || this.#isNamed(conversationId)) continue;
      const afterSeq =
        ends.get(conversationId) ?? (await seqAt(this.#options.store, head, afterId));
      if (lastSeq > afterSeq) this.#tasks.push({ kind: "unreceived", conversationId, afterSeq });
    }
  }

  /** For a subscription that was live: what syncs ask for. */
  ofLive(): Promise<void> {
    this.#device.hold();
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
      if (!this.#device.isOpen) for (const sync of this.#syncs) sync.fail(notSubscribed());
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
      conversations.peek(conversationId)?.isFor(this.#device.userId, seq),
    );
  }

  /**
   * Of what is not in the store, leaves out what another device has just acknowledged.
   *
   * @param ends by conversation, behind which everything is for this device, whoever has received it
   */
  async #addUnreceived(
    early: readonly StoredMessage[],
    ends: ReadonlyMap<string, number>,
  ): Promise<StoredMessage[]> {
    const { store, journal } = this.#options;
    const received = journal.uncommittedDeliveries(this.#device.userId);
    const backlog = await store.backlog(this.#device.userId);
    // What came meanwhile, and another device may have acknowledged.
    const held = this.#options.shared === null ? null : this.#device.held.beginnings();
    for (const { conversationId, deliveredSeq } of backlog) {
      if (this.#isNamed(conversationId)) continue;
      const receivedSeq = Math.max(deliveredSeq, received.get(conversationId) ?? 0);
      const endSeq = ends.get(conversationId) ?? Number.POSITIVE_INFINITY;
      const heldSeq = held?.get(conversationId) ?? Number.POSITIVE_INFINITY;
      const afterSeq = Math.min(receivedSeq, endSeq, heldSeq - 1);
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
        if (await this.#device.hasRoom()) await this.#handOver(task);
        if (!this.#device.isOpen) return;
      }
      await this.#handOverUnstored(unstored);
      // For the answers to syncs, which are long, there must be room as well.
      if (this.#syncs.length > 0) await this.#device.hasRoom();
      if (!this.#device.isOpen) return;
      const overflow = this.#device.held.takeOverflow();
      unstored = overflow === null ? this.#device.held.take() : this.#readAgain(overflow);
      if (unstored.length === 0 && this.#tasks.length === 0) break;
    }
    this.#isDone = true;
    // One that is not in memory has no member whom the store does not know of.
    const isMember = (conversationId: string) =>
      conversations.peek(conversationId)?.members.has(this.#device.userId) !== false;
    for (const sync of this.#syncs) sync.settle(this.#device.userId, isMember);
    this.#handOverAnew();
    this.#device.goLive();
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
      if (this.#device.isMissing(message)) this.#device.replay(message);
    }
  }

  /** Messages that the store did not have when it was read, in order. */
  async #handOverUnstored(messages: readonly StoredMessage[]): Promise<void> {
    for (const message of messages) {
      const { id, conversationId, seq } = message;
      if (!(await this.#device.hasRoom())) return;
      if (this.#anew.has(conversationId)) {
        for (const sync of this.#syncs) sync.leftOut(conversationId, seq);
        continue;
      }
      if (seq <= this.#stored.readUpto(conversationId)) continue;
      if (this.#sent.has(id) || this.#options.recent.wasRefused(message)) continue;
      const isFor = this.#device.isFor(message);
      if (isFor instanceof Promise ? !(await isFor) : !isFor) continue;
      if (!this.#device.isMissing(message)) {
        this.#device.beginAnew(conversationId, seq + 1);
        continue;
      }
      this.#sent.add(id);
      this.#device.begin(conversationId, seq);
      this.#device.replay(message);
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
      const afterSeq = Math.max(seq - 1, this.#stored.readUpto(conversationId));
      this.#tasks.push({ kind: "unreceived", conversationId, afterSeq });
    }
    const shown = this.#shown();
    const isOnItsWay = new Set(shown.map(({ id }) => id));
    for (const id of this.#sent) if (!isOnItsWay.has(id)) this.#sent.delete(id);
    return shown;
  }

  async #handOver(task: Task): Promise<void> {
    switch (task.kind) {
      case "unreceived":
        await this.#stored.run(task.conversationId, task.afterSeq, null);
        return;
      case "missed":
        await this.#handOverMissed(task.conversationId, task.position, task.sync);
        return;
      case "others": {
        const { sync } = task;
        const heads = await this.#options.store.conversationHeads(this.#device.userId, MOST_OTHERS);
        for (const { conversationId, lastSeq } of heads) sync.foundOther(conversationId, lastSeq);
      }
    }
  }

  async #handOverMissed(conversationId: string, position: Position, sync: Sync): Promise<void> {
    const conversation = await this.#options.conversations.findFresh(conversationId);
    if (!conversation?.members.has(this.#device.userId)) {
      sync.answer(conversationId, null);
      return;
    }
    // Also of a conversation that it must read anew: what is not on disk yet is in no history.
    this.#device.lacksOwn(conversationId, conversation.lastSeq);
    const { committedSeq } = conversation;
    const joinedSeq = conversation.members.get(this.#device.userId)?.joinedSeq ?? 0;
    const isWhole =
      !this.#anew.has(conversationId) &&
      position.seq >= joinedSeq &&
      (await this.#isHeldBy(conversation, position)) &&
      ((sync.isFirst && this.#device.hasBrought(conversationId, position.seq)) ||
        (await this.#stored.run(conversationId, position.seq, conversation)));
    if (!isWhole) this.#anew.add(conversationId);
    // It may be told here only now, and look new: clocks of nodes differ.
    else this.#stored.isHad(conversationId, position.seq);
    // What other nodes write from here on may be known before it has been told.
    const uptoSeq = this.#options.shared === null ? null : committedSeq;
    sync.answer(conversationId, { conversation, uptoSeq, resync: !isWhole });
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
}

function notSubscribed(): AppError {
  return new AppError("NOT_SUBSCRIBED", "The subscription to /user/queue/messages has ended");
}
