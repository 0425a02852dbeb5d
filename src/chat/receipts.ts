import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import { type MaybePromise, whenReady } from "../maybe-promise.ts";
import type { Conversation } from "./conversation.ts";
import type { Conversations } from "./conversations.ts";
import { confirmationEvent, readEvent } from "./events.ts";
import { GroupDeliveries, type GroupDeliveriesOptions } from "./group-deliveries.ts";
import type { Journal } from "./journal.ts";
import type { Member } from "./member.ts";
import type { PendingMark } from "./open-batch.ts";
import type { Origin, Outlet } from "./outlet.ts";
import type { ChatStore } from "./ports.ts";
import type { RecentMessages } from "./recent-messages.ts";
import type { SentMessage, StoredMessage } from "./stored-chats.ts";

/** Messages that one read marks as delivered on its way, or one member's leaving. */
const LONGEST_CATCH_UP = 100;
/** Of an older message another node may have known longer that it was received. */
const OLD_MS = 60_000;

export interface SharedReceipts extends Pick<GroupDeliveriesOptions, "nodes" | "isHere" | "told"> {
  /** To those who are connected to this node. */
  readonly here: Outlet;
}

export interface ReceiptsOptions {
  readonly onFault: (fault: unknown) => void;
  readonly store: ChatStore;
  readonly conversations: Conversations;
  readonly recent: RecentMessages;
  readonly journal: Journal;
  readonly outlet: Outlet;
  readonly clock: Clock;
  /** Where members receive messages on other nodes too; null: they do not. */
  readonly shared: SharedReceipts | null;
}

/**
 * DELIVERED and READ. Both are watermarks of a member; they are told after the commit that holds
 * them, so what a sender has seen once is never taken back.
 */
export class Receipts {
  readonly #options: ReceiptsOptions;
  /** null: this node knows of itself what members have received. */
  readonly #groups: GroupDeliveries | null;

  /** Conversations that were read again for the sake of old messages, and when. */
  readonly #readAgain = new WeakMap<Conversation, ReadAgain>();

  constructor(options: ReceiptsOptions) {
    this.#options = options;
    const { shared, clock } = options;
    if (shared === null) {
      this.#groups = null;
      return;
    }
    const tell = async (message: SentMessage) => {
      const { conversationId, senderId, seq } = message;
      const conversation = await options.conversations.find(conversationId);
      if (conversation?.isFor(senderId, seq) !== true) return;
      const body = confirmationEvent(message, "DELIVERED", clock.now());
      shared.here.confirmation(senderId, body);
    };
    this.#groups = new GroupDeliveries({ ...options, ...shared, tell });
  }

  /** The message reached the user. Anything up to the watermark is a no-op. */
  delivered(userId: string, message: StoredMessage): MaybePromise<void> {
    return whenReady(this.#withMarks(userId, message), (conversation) => {
      const member = conversation?.members.get(userId);
      if (!conversation || !member || this.#options.recent.wasRefused(message)) return;
      this.#moveDelivered(conversation, member, message);
      this.#options.journal.flush();
    });
  }

  /**
   * The user has read the message and all before it. A message of one's own, or one read before, is
   * a no-op. The senders are told, and the user's other connections than `origin`. Gives the
   * conversation's id. Throws MESSAGE_NOT_FOUND when there is none for the user.
   */
  read(userId: string, messageId: string, origin: Origin | null): MaybePromise<string> {
    const { store, recent, conversations } = this.#options;
    return whenReady(recent.byId(messageId) ?? store.messageById(messageId), (message) => {
      if (message === null) throw messageNotFound(messageId);
      return whenReady(conversations.findAs(userId, message.conversationId), (conversation) => {
        const member = conversation?.members.get(userId);
        if (!conversation || !member) throw messageNotFound(messageId);
        if (message.seq <= member.joinedSeq) throw messageNotFound(messageId);
        const { id } = conversation;
        const isOwn = message.senderId === userId && message.event === null;
        if (isOwn || message.seq <= member.readSeq) return id;
        return whenReady(this.#undelivered(conversation, member, message), (undelivered) => {
          if (conversation.members.get(userId) !== member) throw messageNotFound(messageId);
          for (const earlier of undelivered) this.#moveDelivered(conversation, member, earlier);
          this.#moveRead(conversation, member, message, origin);
          return id;
        });
      });
    });
  }

  /** After a commit: tells the senders. */
  told(marks: readonly PendingMark[]): void {
    for (const mark of marks) {
      if (mark.kind === "delivered") this.#tellDelivered(mark);
      else this.#tellRead(mark);
    }
  }

  /**
   * The member has left for good: messages that waited for them alone are DELIVERED to everybody,
   * and the last of these are told.
   */
  memberLeft(conversation: Conversation, { durableDeliveredSeq }: Member): void {
    const { store, onFault, conversations, shared } = this.#options;
    if (shared === null && conversation.deliveredToAllButOneSeq <= durableDeliveredSeq) return;
    const tellSenders = async () => {
      await conversations.reload(conversation);
      const uptoSeq = conversation.deliveredToAllButOneSeq;
      if (uptoSeq <= durableDeliveredSeq) return;
      const query = { conversationId: conversation.id, beforeSeq: uptoSeq + 1 };
      for (const message of await store.history({ ...query, limit: LONGEST_CATCH_UP })) {
        if (message.seq > durableDeliveredSeq) this.#tellIfDelivered(conversation, message);
      }
    };
    tellSenders().catch(onFault);
  }

  /** Members of a group have received them on another node. Of one sender. */
  receivedElsewhere(messages: readonly SentMessage[]): void {
    this.#groups?.received(messages);
  }

  stop(): void {
    this.#groups?.stop();
  }

  /** What the sender of a message sent again must know of its fate since. */
  repeatTo(message: SentMessage, conversation: Conversation): void {
    const { clock, outlet } = this.#options;
    const { senderId, seq } = message;
    const nowMs = clock.now();
    if (!conversation.isDeliveredToAllBut(senderId, seq)) return;
    outlet.confirmation(senderId, confirmationEvent(message, "DELIVERED", nowMs));
    for (const member of conversation.members.values()) {
      if (member.userId !== senderId && member.readSeq >= seq) {
        outlet.receipt(senderId, readEvent(message, member.userId, nowMs), null);
      }
    }
  }

  /**
   * The message's conversation. What a device is sent again, another one may have received long ago on
   * another node, whose mark nobody has told this one: then it is read again, once a while.
   */
  #withMarks(userId: string, message: StoredMessage): MaybePromise<Conversation | null> {
    const { conversations, shared, clock } = this.#options;
    const { conversationId, timestampMs, seq } = message;
    const isOld = shared !== null && clock.now() - timestampMs > OLD_MS;
    if (!isOld) return conversations.findAs(userId, conversationId);
    const isKnown = conversations.peek(conversationId) !== undefined;
    return whenReady(conversations.findAs(userId, conversationId), (conversation) => {
      const member = conversation?.members.get(userId);
      if (!conversation || !member || seq <= member.deliveredSeq) return conversation;
      const nowMs = clock.monotonicMs();
      const last = this.#readAgain.get(conversation);
      if (last !== undefined && nowMs - last.ms <= OLD_MS) {
        return last.done === null ? conversation : last.done.then(() => conversation);
      }
      const again: ReadAgain = { ms: nowMs, done: null };
      this.#readAgain.set(conversation, again);
      if (!isKnown) return conversation;
      again.done = conversations.reload(conversation).finally(() => {
        again.done = null;
      });
      return again.done.then(() => conversation);
    });
  }

  /**
   * A reader may be faster than the disk or their own ACK: what they read, and the messages just
   * before it, are DELIVERED first. Of a long unread past the READ alone must do.
   */
  #undelivered(
    conversation: Conversation,
    member: Member,
    message: StoredMessage,
  ): MaybePromise<readonly StoredMessage[]> {
    const gap = message.seq - member.deliveredSeq;
    if (gap <= 0) return [];
    if (gap === 1) return [message];
    const { store, journal } = this.#options;
    const page = store.history({
      conversationId: conversation.id,
      beforeSeq: message.seq,
      limit: Math.min(gap - 1, LONGEST_CATCH_UP),
    });
    return whenReady(page, (stored) => {
      const lastStored = stored.at(-1)?.seq ?? 0;
      const onTheirWay = [...journal.uncommitted()].filter(
        ({ conversationId, seq }) =>
          conversationId === conversation.id && seq > lastStored && seq < message.seq,
      );
      return [...stored, ...onTheirWay, message].filter(
        ({ senderId }) => senderId !== member.userId,
      );
    });
  }

  #moveDelivered(conversation: Conversation, member: Member, message: StoredMessage): void {
    const fromSeq = member.deliveredSeq;
    if (message.seq <= fromSeq) return;
    member.deliveredSeq = message.seq;
    const mark = { conversation, member, fromSeq, message, origin: null };
    this.#options.journal.addMark({ kind: "delivered", ...mark });
  }

  #moveRead(
    conversation: Conversation,
    member: Member,
    message: StoredMessage,
    origin: Origin | null,
  ): void {
    const { journal } = this.#options;
    const fromSeq = member.readSeq;
    if (message.seq <= fromSeq) return;
    member.readSeq = message.seq;
    journal.addMark({ kind: "read", conversation, member, fromSeq, message, origin });
    journal.flush();
  }

  #tellDelivered({ conversation, member, message }: PendingMark): void {
    member.durableDeliveredSeq = message.seq;
    if (this.#groups === null || conversation.kind === "direct") {
      this.#tellIfDelivered(conversation, message);
    } else if (message.event === null) {
      this.#groups.add(message);
    }
  }

  /** In a group: when the last of the members has it. */
  #tellIfDelivered(conversation: Conversation, message: StoredMessage): void {
    const { id, senderId, seq, event } = message;
    if (event !== null) return; // Nobody sent it.
    if (!conversation.isFor(senderId, seq)) return; // They left, and are told no more.
    if (!conversation.isDeliveredToAllBut(senderId, seq)) return;
    const { outlet, clock, shared } = this.#options;
    // By another node, which has told them everywhere.
    if (shared?.isHere(senderId) === true && !shared.told.add(id)) return;
    outlet.confirmation(senderId, confirmationEvent(message, "DELIVERED", clock.now()));
  }

  /**
   * One receipt for each sender whose messages the mark passed, about the last of them; and one for
   * the reader's other devices.
   */
  #tellRead({ conversation, member, fromSeq, message, origin }: PendingMark): void {
    const { outlet, clock, store } = this.#options;
    if (conversation.members.get(member.userId) !== member) return;
    const tell = (last: StoredMessage) => {
      if (!conversation.isFor(last.senderId, last.seq)) return;
      outlet.receipt(last.senderId, readEvent(last, member.userId, clock.now()), null);
    };
    if (message.senderId !== member.userId) tell(message);
    outlet.receipt(member.userId, readEvent(message, member.userId, clock.now()), origin);
    // Of two members, the other one has been told, unless nobody of them said this.
    const isOfOther = conversation.members.has(message.senderId);
    if (conversation.kind === "direct" && isOfOther && message.event === null) return;
    if (message.seq === fromSeq + 1) return;
    const tellOthers = async () => {
      const { id } = conversation;
      const upTo = message.seq - 1;
      const others = await store.lastMessagePerSender(id, fromSeq, upTo, member.userId);
      for (const last of others) if (last.senderId !== message.senderId) tell(last);
    };
    tellOthers().catch(this.#options.onFault);
  }
}

interface ReadAgain {
  readonly ms: number;
  /** Until then its marks are not known; null: they are. */
  done: Promise<void> | null;
}

export function messageNotFound(id: string): AppError {
  return new AppError("MESSAGE_NOT_FOUND", `No message ${id} in your conversations`);
}
