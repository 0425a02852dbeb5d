import type { Clock } from "../clock.ts";
import type { MaybePromise } from "../maybe-promise.ts";
import type { Conversation } from "./conversation.ts";
import type { Conversations } from "./conversations.ts";
import { confirmationEvent, readEvent } from "./events.ts";
import type { MovedMarks } from "./moved-marks.ts";
import type { DeliveredMessage, MarksNotice, ReadMark } from "./node-notice.ts";
import type { Outlet } from "./outlet.ts";
import type { ChatStore } from "./ports.ts";
import { retried } from "./retried.ts";
import type { StoredMessage, Watermarks } from "./stored-chats.ts";
import type { ToldDeliveries } from "./told-deliveries.ts";

/** Messages before a mark of which it is told again that they were received, and who has read them. */
const LOOKED_AT = 100;
/** Conversations that are looked at side by side: many may be told of at once. */
const LOOKED_AT_TOGETHER = 4;

export interface MarksElsewhereOptions {
  readonly store: ChatStore;
  readonly conversations: Conversations;
  readonly clock: Clock;
  /** To those who are connected to this node. */
  readonly outlet: Outlet;
  readonly isHere: (userId: string) => boolean;
  readonly told: ToldDeliveries;
  /** Of a group, members have received these messages. */
  readonly receivedInGroup: (messages: readonly StoredMessage[]) => void;
  /** What others say may have been missed, and it is not yet known what that was. */
  readonly mayMiss: () => boolean;
  readonly onFault: (fault: unknown) => void;
}

/**
 * What users have received and read on other nodes, for the senders who are connected here.
 *
 * Others tell of it when it is on disk. Conversations in memory keep up with what they say, so that it
 * shows what of it got lost: when a conversation is read again or its marks are told again, what has
 * moved beyond what is known here is told to those whom it concerns.
 */
export class MarksElsewhere {
  readonly #options: MarksElsewhereOptions;
  #lookedAt = 0;
  readonly #waiting: (() => void)[] = [];
  #isStopped = false;

  constructor(options: MarksElsewhereOptions) {
    this.#options = options;
  }

  /** A message of the user's has been received. */
  delivered(userId: string, message: DeliveredMessage, body: string): void {
    const { messageId, conversationId, seq, recipientId } = message;
    if (!this.#options.told.add(messageId)) return;
    if (recipientId !== null) {
      this.#keepUp(conversationId, recipientId, { deliveredSeq: seq, readSeq: 0 });
    }
    this.#options.outlet.confirmation(userId, body);
  }

  /** Somebody has read what the user has said, or the user on another device. */
  read(userId: string, { conversationId, seq, readerId }: ReadMark, body: string): void {
    // What the reader's own devices are told does not say that the senders here were.
    if (userId !== readerId || !this.#hasOthersHere(conversationId, readerId)) {
      this.#keepUp(conversationId, readerId, { deliveredSeq: 0, readSeq: seq });
    }
    this.#options.outlet.receipt(userId, body, null);
  }

  /** Another node says it again. Of what is known here nothing is told, and the store is not asked. */
  async toldAgain({ conversationId, isMissing, marks }: MarksNotice): Promise<void> {
    const { conversations } = this.#options;
    const known = conversations.peek(conversationId);
    if (known === undefined) {
      if (!isMissing) return;
      const conversation = await this.#read(() => conversations.find(conversationId));
      if (conversation !== null) await this.tell(conversation, marks);
      return;
    }
    const moved: MovedMarks[] = [];
    for (const said of marks) {
      const heard = known.heardMarks(said.userId, said.now);
      if (heard === null && !isMissing) continue;
      moved.push(isMissing ? withAllDelivered(said, heard) : (heard ?? said));
    }
    await this.tell(known, moved);
  }

  /**
   * What has become of the messages that were sent since then, and whether those were received that
   * marks have passed over; of the last `LOOKED_AT`.
   */
  async tellAll(
    conversation: Conversation,
    sinceMs: number,
    passed: readonly MovedMarks[] = [],
  ): Promise<void> {
    const before = { deliveredSeq: 0, readSeq: 0 };
    const marks = [...conversation.members.values()].map(
      ({ userId, durableDeliveredSeq: deliveredSeq, readSeq }): MovedMarks => {
        return { userId, before, now: { deliveredSeq, readSeq } };
      },
    );
    await this.#tell(conversation, marks, { sinceMs, passed });
  }

  /** Tells those who are here what the marks have passed, the last `LOOKED_AT` messages of it. */
  async tell(conversation: Conversation, marks: readonly MovedMarks[]): Promise<void> {
    await this.#tell(conversation, marks, { sinceMs: 0, passed: [] });
  }

  async #tell(
    conversation: Conversation,
    marks: readonly MovedMarks[],
    { sinceMs, passed }: { readonly sinceMs: number; readonly passed: readonly MovedMarks[] },
  ): Promise<void> {
    const here = new Set(conversation.members.keys().filter(this.#options.isHere));
    const moved = marks.filter(({ userId, before, now }) => {
      if (!conversation.members.has(userId)) return false;
      const hasOthersHere = here.size > (here.has(userId) ? 1 : 0);
      if (now.readSeq > before.readSeq) return here.size > 0;
      return now.deliveredSeq > before.deliveredSeq && hasOthersHere;
    });
    if (moved.length === 0) return;
    const { id } = conversation;
    const readSeq = Math.max(...moved.map(({ now }) => now.readSeq));
    const lastSeq = Math.max(readSeq, ...moved.map(({ now }) => now.deliveredSeq));
    const received = await this.#lastUpTo(id, lastSeq);
    const isReadThere = readSeq === 0 || readSeq >= (received[0]?.seq ?? 0);
    const read = isReadThere ? received : await this.#lastUpTo(id, readSeq);
    const isRecent = ({ timestampMs }: StoredMessage) => timestampMs >= sinceMs;
    const isPassed = ({ seq }: StoredMessage) =>
      passed.some(({ before, now }) => before.deliveredSeq < seq && seq <= now.deliveredSeq);
    const meant = received.filter((message) => isRecent(message) || isPassed(message));
    this.#tellDelivered(conversation, moved, meant);
    for (const marksOfOne of moved) this.#tellRead(conversation, marksOfOne, read.filter(isRecent));
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #lastUpTo(conversationId: string, seq: number): Promise<readonly StoredMessage[]> {
    const query = { conversationId, beforeSeq: seq + 1, limit: LOOKED_AT };
    return (await this.#read(() => this.#options.store.history(query))) ?? [];
  }

  /**
   * A few at a time. While the store cannot be read it is tried again, so that none is left out; null
   * at the end.
   */
  async #read<Found>(read: () => MaybePromise<Found>): Promise<Found | null> {
    while (this.#lookedAt >= LOOKED_AT_TOGETHER) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#lookedAt += 1;
    try {
      return (await retried(this.#options, () => !this.#isStopped, read)) ?? null;
    } finally {
      this.#lookedAt -= 1;
      this.#waiting.shift()?.();
    }
  }

  /** What others say is heard: only what they do not say is to be noticed. */
  #keepUp(conversationId: string, userId: string, marks: Watermarks): void {
    // What was missed lies before it.
    if (this.#options.mayMiss()) return;
    this.#options.conversations.peek(conversationId)?.heardMarks(userId, marks);
  }

  #hasOthersHere(conversationId: string, userId: string): boolean {
    const { conversations, isHere } = this.#options;
    const members = conversations.peek(conversationId)?.members.keys() ?? [].values();
    return members.some((memberId) => memberId !== userId && isHere(memberId));
  }

  #tellDelivered(
    conversation: Conversation,
    moved: readonly MovedMarks[],
    messages: readonly StoredMessage[],
  ): void {
    const { isHere, told, outlet, clock, receivedInGroup } = this.#options;
    const passed = messages.filter(({ id, seq, senderId, event }) => {
      if (event !== null || told.has(id) || !isHere(senderId)) return false;
      if (!conversation.isFor(senderId, seq)) return false;
      return moved.some(({ userId, before, now }) => {
        if (userId === senderId || !conversation.isFor(userId, seq)) return false;
        return before.deliveredSeq < seq && seq <= now.deliveredSeq;
      });
    });
    if (conversation.kind === "group") {
      if (passed.length > 0) receivedInGroup(passed);
      return;
    }
    for (const message of passed) {
      const { id, senderId } = message;
      if (!told.add(id)) continue;
      outlet.confirmation(senderId, confirmationEvent(message, "DELIVERED", clock.now()));
    }
  }

  /** Each sender of the last message that was read, and the reader's own devices. */
  #tellRead(
    conversation: Conversation,
    { userId, before, now }: MovedMarks,
    messages: readonly StoredMessage[],
  ): void {
    const { isHere, outlet, clock } = this.#options;
    const last = new Map<string, StoredMessage>();
    for (const message of messages) {
      const { seq, senderId } = message;
      if (seq <= before.readSeq || seq > now.readSeq || senderId === userId) continue;
      if (!conversation.isFor(userId, seq)) continue; // Marks begin where one joins, be it again.
      last.set(senderId, message);
      if (seq === now.readSeq) last.set(userId, message);
    }
    for (const [toId, message] of last) {
      if (!isHere(toId) || !conversation.isFor(toId, message.seq)) continue;
      outlet.receipt(toId, readEvent(message, userId, clock.now()), null);
    }
  }
}

/**
 * Of messages that were received, each one is told, be it that later ones are known to have been:
 * their news may have come after what is missing. Of what was read, the last one says it all.
 */
function withAllDelivered(said: MovedMarks, heard: MovedMarks | null): MovedMarks {
  const deliveredSeq = Math.min(
    said.before.deliveredSeq,
    heard?.before.deliveredSeq ?? said.before.deliveredSeq,
  );
  const readSeq = heard === null ? said.now.readSeq : heard.before.readSeq;
  return { ...said, before: { deliveredSeq, readSeq } };
}
