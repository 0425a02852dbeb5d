import type { Clock, Timer } from "../clock.ts";
import { lowestIdAt } from "../ids.ts";
import { type MaybePromise, whenReady } from "../maybe-promise.ts";
import type { Accepted } from "./accepted-message.ts";
import type { Contacts } from "./contacts.ts";
import type { Conversation } from "./conversation.ts";
import type { Conversations } from "./conversations.ts";
import { Lane, type Untold } from "./delivery-lane.ts";
import { confirmationEvent } from "./events.ts";
import type { Delivery } from "./message-delivery.ts";
import type { HeadNotice, MessageNotice } from "./node-notice.ts";
import type { Origin, Outlet } from "./outlet.ts";
import type { ChatStore } from "./ports.ts";
import type { RecentMessages } from "./recent-messages.ts";
import type { SentMessage, StoredMessage } from "./stored-chats.ts";
import type { ToldOthers } from "./told-others.ts";

/** What is missing before a message is on its way, most likely: two nodes' words have crossed. */
const MISSING_MS = 20;
/** When the store cannot be read. */
const RETRY_MS = 1_000;
/**
 * What is older has been told on all nodes: so long at most is a node cut off that commits messages, or
 * a commit under way. After a longer while a message may come twice.
 */
export const UNTOLD_MS = 600_000;
/**
 * So long at least it is known after the last message how far a conversation has been told, and as long
 * as that message looks fresh: the clock of its node may be ahead.
 */
const KNOWN_MS = UNTOLD_MS + 60_000;
const SWEEP_MS = 30_000;
const PAGE = 100;
/** Of one conversation, so many that others have taken wait for what is before them; more are read again. */
const MOST_UNTOLD = 1_000;
/** Messages that are looked at to find the last one that has been told. */
const FIRST_PAGE = 16;

export interface SharedDeliveryOptions {
  /** To those who are connected to this node. */
  readonly here: Delivery;
  readonly others: ToldOthers;
  readonly outlet: Outlet;
  readonly store: ChatStore;
  readonly conversations: Conversations;
  readonly contacts: Pick<Contacts, "share">;
  readonly recent: RecentMessages<Accepted>;
  readonly clock: Clock;
  readonly onDisappearing: (expiresMs: number) => void;
  /** Messages have been told, whoever has taken them. */
  readonly onTold: () => void;
  readonly onFault: (fault: unknown) => void;
}

/**
 * Tells the members of a conversation of its messages, on whichever node these were taken and they
 * are connected, each message once and in the order of `seq`, after its commit.
 *
 * A node tells the others of each message that it has committed, which is fast and may fail: words
 * of two nodes cross, and some are lost. So each node knows how far it has told a conversation and
 * reads from the store what is missing before a message; and, after it has been cut off, all that has
 * come to its users' conversations meanwhile (`MissedNotices`). What a device reads of the store by itself, and others
 * here have not been told yet, is told to them first (`reach`): nothing comes to it again later.
 */
export class SharedDelivery implements Delivery {
  readonly #options: SharedDeliveryOptions;
  readonly #lanes = new Map<string, Lane>();
  #sweep: Timer | null = null;
  /** Epoch milliseconds: what others committed since then may have been missed; null: nothing was. */
  missedSinceMs: number | null = null;
  #isStopped = false;

  constructor(options: SharedDeliveryOptions) {
    this.#options = options;
  }

  deliver(conversation: Conversation, message: StoredMessage, origin: Origin | null): void {
    this.#options.others.tell(conversation, message);
    this.#add({ message, origin, isOwn: true, digest: null });
  }

  /** Its node may have come to an end between the commit and the telling. */
  assure(conversation: Conversation, { id, seq }: SentMessage): void {
    if (id < lowestIdAt(this.freshMs)) return;
    const head = { conversationId: conversation.id, fromSeq: seq, seq };
    this.headed(head);
    this.#options.others.tellHead(conversation, head);
  }

  /** Another node tells of a message that is in the store. False if it cannot be read. */
  received(notice: MessageNotice): boolean {
    const { conversationId, seq, digest } = notice;
    const lane = this.#lanes.get(conversationId);
    // Its members have a channel each, and several are here.
    if (lane !== undefined && (seq <= lane.toldSeq || lane.untold.has(seq))) return true;
    const message = notice.message();
    if (message === null) return false;
    this.#add({ message, origin: null, isOwn: false, digest });
    return true;
  }

  /** The message may be one that the members here have not been told of yet. */
  isFresh({ timestampMs }: StoredMessage): boolean {
    return timestampMs >= this.freshMs;
  }

  /** Resolves when the members here have been told everything up to there, which is in the store. */
  reach(conversationId: string, seq: number): Promise<void> | null {
    const lane = this.#lanes.get(conversationId) ?? this.#open(conversationId);
    this.#know(lane, seq);
    if (lane.toldSeq >= seq) return null;
    return new Promise((resolve) => lane.awaited.push({ seq, resolve }));
  }

  /** A node that could not tell others has committed messages from one `seq` to the other. */
  headed({ conversationId, fromSeq, seq }: HeadNotice): void {
    const lane = this.#lanes.get(conversationId) ?? this.#open(conversationId);
    lane.untoldSeq = Math.min(lane.untoldSeq, fromSeq);
    this.#know(lane, seq);
  }

  stop(): void {
    this.#isStopped = true;
    this.#sweep?.cancel();
    for (const { timer } of this.#lanes.values()) timer?.cancel();
  }

  /** Epoch milliseconds: what was accepted before has been told. */
  get freshMs(): number {
    const freshMs = this.#options.clock.now() - UNTOLD_MS;
    return Math.min(freshMs, this.missedSinceMs ?? freshMs);
  }

  #add(untold: Untold): void {
    const { conversationId, seq } = untold.message;
    const lane = this.#lanes.get(conversationId) ?? this.#open(conversationId);
    if (seq <= lane.toldSeq) return;
    const isTooMuch = !untold.isOwn && lane.untold.size >= MOST_UNTOLD;
    if (isTooMuch && seq !== lane.toldSeq + 1) {
      this.#know(lane, seq);
      return;
    }
    this.#awaken(lane);
    if (!lane.untold.get(seq)?.isOwn) lane.untold.set(seq, untold);
    this.#advance(lane);
  }

  /** The store has messages up to there. */
  #know(lane: Lane, seq: number): void {
    if (lane.toldSeq >= seq) return;
    this.#awaken(lane);
    lane.knownSeq = Math.max(lane.knownSeq, seq);
    this.#advance(lane);
  }

  #open(conversationId: string): Lane {
    const { clock } = this.#options;
    const lane = new Lane(conversationId, clock.monotonicMs());
    this.#lanes.set(conversationId, lane);
    this.#sweep ??= clock.schedule(SWEEP_MS, this.#letGo);
    return lane;
  }

  #awaken(lane: Lane): void {
    if (!lane.isIdle) return;
    lane.isOutdated = this.#options.clock.monotonicMs() - lane.usedMs > UNTOLD_MS;
  }

  /** Tells what can be told, or reads what is needed for it. */
  #advance(lane: Lane): void {
    while (!lane.isBusy && !this.#isStopped) {
      if (lane.toldSeq < 0) {
        this.#wait(lane, this.#begin(lane));
        return;
      }
      const next = lane.untold.get(lane.toldSeq + 1);
      if (next === undefined) {
        if (lane.knownSeq > lane.toldSeq) this.#wait(lane, this.#readMissing(lane));
        else if (lane.untold.size > 0) this.#expectMissing(lane);
        return;
      }
      const conversation = this.#conversationFor(lane, next);
      if (conversation instanceof Promise) {
        this.#wait(
          lane,
          conversation.then((found) => this.#tell(lane, next, found)),
        );
        return;
      }
      this.#tell(lane, next, conversation);
    }
  }

  #wait(lane: Lane, work: Promise<void>): void {
    lane.isBusy = true;
    work.then(
      () => {
        lane.isBusy = false;
        this.#advance(lane);
      },
      (fault: unknown) => {
        lane.isBusy = false;
        this.#options.onFault(fault);
        this.#later(lane, RETRY_MS);
      },
    );
  }

  #later(lane: Lane, delayMs: number): void {
    if (this.#isStopped) return;
    lane.timer?.cancel();
    lane.timer = this.#options.clock.schedule(delayMs, () => {
      lane.timer = null;
      for (const seq of lane.untold.keys()) lane.knownSeq = Math.max(lane.knownSeq, seq);
      this.#advance(lane);
    });
  }

  #expectMissing(lane: Lane): void {
    if (lane.timer === null) this.#later(lane, MISSING_MS);
  }

  /** How far it has been told is not known any more: what is older than a while was. */
  async #begin(lane: Lane): Promise<void> {
    const { store } = this.#options;
    const { conversationId } = lane;
    let beforeSeq = lane.knownSeq > 0 ? lane.knownSeq + 1 : Math.min(...lane.untold.keys());
    const fresh: StoredMessage[] = [];
    let toldSeq = -1;
    for (let limit = FIRST_PAGE; toldSeq < 0; limit = PAGE) {
      const page = await store.history({ conversationId, beforeSeq, limit });
      for (const message of page.toReversed()) {
        if (this.#wasTold(lane, message)) {
          toldSeq = message.seq;
          break;
        }
        fresh.push(message);
        beforeSeq = message.seq;
      }
      if (page.length < limit && toldSeq < 0) toldSeq = beforeSeq - 1;
    }
    this.#found(lane, fresh);
    lane.toldSeq = toldSeq;
    for (const seq of lane.untold.keys()) if (seq <= toldSeq) lane.untold.delete(seq);
    this.#reached(lane);
  }

  /** Where this node does not know how far the conversation has been told. */
  #wasTold(lane: Lane, message: StoredMessage): boolean {
    return message.seq < lane.untoldSeq && !this.isFresh(message);
  }

  async #readMissing(lane: Lane): Promise<void> {
    const { conversationId, toldSeq, knownSeq } = lane;
    const query = { conversationId, afterSeq: toldSeq, beforeSeq: knownSeq + 1, limit: PAGE };
    const page = await this.#options.store.history(query);
    const told = lane.isOutdated ? page.findLast((each) => this.#wasTold(lane, each)) : undefined;
    if (told !== undefined) {
      lane.toldSeq = told.seq;
      for (const seq of lane.untold.keys()) if (seq <= told.seq) lane.untold.delete(seq);
    }
    this.#found(
      lane,
      page.filter(({ seq }) => seq > lane.toldSeq),
    );
    // Retention has removed what is before the first.
    const firstSeq = Math.min(knownSeq + 1, ...lane.untold.keys());
    lane.toldSeq = Math.max(lane.toldSeq, firstSeq - 1);
    this.#reached(lane);
  }

  #found(lane: Lane, messages: readonly StoredMessage[]): void {
    for (const message of messages) {
      if (lane.untold.has(message.seq)) continue;
      // On disk, and this node has not heard of it yet.
      const own = this.#options.recent.pendingOf(message.id);
      const origin = own?.origin ?? null;
      lane.untold.set(message.seq, { message, origin, isOwn: own !== null, digest: null });
      lane.isDoubtful = true;
    }
  }

  /** With the members that the message is for. */
  #conversationFor(lane: Lane, { digest, isOwn }: Untold): MaybePromise<Conversation | null> {
    const { conversations } = this.#options;
    const cached = conversations.peek(lane.conversationId);
    if (cached === undefined) return this.#load(lane);
    if (isOwn || digest === cached.membersDigest) return cached;
    if (digest === null && !lane.isDoubtful) return cached;
    return conversations.reload(cached).then(() => {
      lane.isDoubtful = false;
      return cached;
    });
  }

  #load(lane: Lane): MaybePromise<Conversation | null> {
    const { conversations, contacts, outlet } = this.#options;
    // A look that began before its first message was committed is shared with others, and finds nothing.
    const found = whenReady(
      conversations.find(lane.conversationId),
      (early) => early ?? conversations.find(lane.conversationId),
    );
    return whenReady(found, (conversation) => {
      lane.isDoubtful = false;
      if (conversation === null) return null;
      // Some may have come to be members while nobody here knew of the conversation.
      for (const userId of conversation.members.keys()) outlet.joined(userId, conversation.id);
      contacts.share(conversation.members.keys());
      return conversation;
    });
  }

  #tell(lane: Lane, untold: Untold, conversation: Conversation | null): void {
    const { here, outlet, clock, onDisappearing, onTold, onFault } = this.#options;
    const { message, origin, isOwn } = untold;
    lane.untold.delete(message.seq);
    lane.toldSeq = message.seq;
    lane.usedMs = clock.monotonicMs();
    lane.newestMs = Math.max(lane.newestMs, message.timestampMs);
    try {
      if (conversation !== null) {
        conversation.heardOf(message.seq, message.type === "MESSAGE_DELETED");
        here.deliver(conversation, message, origin);
        onTold();
      }
      if (!isOwn && message.event === null) {
        outlet.sent(message.senderId, confirmationEvent(message, "SENT", clock.now()));
      }
      if (!isOwn && message.expiresMs !== null) onDisappearing(message.expiresMs);
    } catch (fault) {
      onFault(fault);
    }
    this.#reached(lane);
  }

  #reached(lane: Lane): void {
    if (lane.awaited.length === 0) return;
    for (const { seq, resolve } of lane.awaited.splice(0)) {
      if (seq <= lane.toldSeq) resolve();
      else lane.awaited.push({ seq, resolve });
    }
  }

  /** Conversations of which nothing has been heard for a while. */
  readonly #letGo = (): void => {
    const { clock } = this.#options;
    const nowMs = clock.monotonicMs();
    for (const [id, lane] of this.#lanes) {
      const isFresh = lane.newestMs >= this.freshMs || nowMs - lane.usedMs <= KNOWN_MS;
      const isOld = !isFresh && this.missedSinceMs === null;
      if (lane.isIdle && isOld) this.#lanes.delete(id);
    }
    this.#sweep = this.#lanes.size === 0 ? null : clock.schedule(SWEEP_MS, this.#letGo);
  };
}
