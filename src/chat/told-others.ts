import type { Conversation } from "./conversation.ts";
import type { Conversations } from "./conversations.ts";
import { nextTurn } from "./each-head.ts";
import { farewellOf } from "./events.ts";
import type { MovedMarks } from "./moved-marks.ts";
import { encodeHead, encodeMarks, encodeMessage, type HeadNotice } from "./node-notice.ts";
import type { PendingMark } from "./open-batch.ts";
import type { OtherNodes } from "./other-nodes.ts";
import type { StoredMessage } from "./stored-chats.ts";

/** Of a conversation with more members, a message is told to all nodes once and not to each member. */
const MOST_BY_MEMBER = 32;
/** Conversations of which others are told, before it is somebody else's turn. */
const TOLD_IN_TURN = 256;

export interface ToldOthersOptions {
  readonly nodes: OtherNodes;
  readonly conversations: Conversations;
}

/** A member's marks that have moved; 0: that one has not. */
class Movement {
  deliveredBefore = 0;
  delivered = 0;
  readBefore = 0;
  read = 0;
  /** Behind this one are messages that others may have received before, on another node; null: none. */
  passedFrom: number | null = null;

  deliver(fromSeq: number, seq: number): void {
    if (this.delivered === 0) this.deliveredBefore = fromSeq;
    if (seq > fromSeq + 1) this.passedFrom ??= fromSeq;
    this.delivered = Math.max(this.delivered, seq);
  }

  readOn(fromSeq: number, seq: number): void {
    if (this.read === 0) this.readBefore = fromSeq;
    this.read = Math.max(this.read, seq);
  }
}

/** What others have been told of a conversation. */
class Lately {
  /** The first message; null: none. */
  fromSeq: number | null = null;
  /** By user. */
  readonly marks = new Map<string, Movement>();

  /** What this one adds to it was told later. */
  include({ fromSeq, marks }: Lately): void {
    this.fromSeq ??= fromSeq;
    for (const [userId, { deliveredBefore, delivered, readBefore, read, passedFrom }] of marks) {
      const movement = this.of(userId);
      movement.passedFrom ??= passedFrom;
      if (delivered > 0) movement.deliver(deliveredBefore, delivered);
      if (read > 0) movement.readOn(readBefore, read);
    }
  }

  of(userId: string): Movement {
    const known = this.marks.get(userId);
    if (known !== undefined) return known;
    const movement = new Movement();
    this.marks.set(userId, movement);
    return movement;
  }

  moved(): MovedMarks[] {
    return [...this.marks].map(([userId, { deliveredBefore, delivered, readBefore, read }]) => ({
      userId,
      before: { deliveredSeq: deliveredBefore, readSeq: readBefore },
      now: { deliveredSeq: delivered, readSeq: read },
    }));
  }
}

/** @param told one generation after the other */
function allOf(conversationId: string, ...told: readonly ReadonlyMap<string, Lately>[]): Lately {
  const all = new Lately();
  for (const each of told) {
    const lately = each.get(conversationId);
    if (lately !== undefined) all.include(lately);
  }
  return all;
}

/**
 * What this node tells others of the messages and marks that it has committed, and may have to tell
 * again.
 */
export class ToldOthers {
  readonly #options: ToldOthersOptions;
  /** By conversation, what others have been told of lately, and a while before. */
  #lately = new Map<string, Lately>();
  #before: ReadonlyMap<string, Lately> = new Map();
  #isStopped = false;

  constructor(options: ToldOthersOptions) {
    this.#options = options;
  }

  tell(conversation: Conversation, message: StoredMessage): void {
    const notice = encodeMessage(message, conversation.membersDigest);
    this.#latelyOf(conversation.id).fromSeq ??= message.seq;
    this.#tellMembers(conversation, notice);
    const goneId = farewellOf(message);
    if (goneId !== null && !conversation.members.has(goneId)) {
      this.#options.nodes.toUser(goneId, notice);
    }
  }

  /** Without what the messages say: whoever does not have them reads them. */
  tellHead(conversation: Conversation, head: HeadNotice): void {
    this.#tellMembers(conversation, encodeHead(head));
  }

  /** Others have been told of these, which are on disk. */
  marked(marks: readonly PendingMark[]): void {
    for (const { kind, conversation, member, fromSeq, message } of marks) {
      const movement = this.#latelyOf(conversation.id).of(member.userId);
      if (kind === "read") movement.readOn(fromSeq, message.seq);
      else movement.deliver(fromSeq, message.seq);
    }
  }

  /** What was told until a while ago has gone out. */
  wentOut(): void {
    this.#before = this.#lately;
    this.#lately = new Map();
  }

  /**
   * Others are told again which messages and marks it was about, without what the messages say.
   *
   * @param isMissing some of it certainly did not go out
   */
  async again(isMissing: boolean): Promise<void> {
    const [latelyTold, toldBefore] = [this.#lately, this.#before];
    let count = 0;
    for (const conversationId of new Set([...toldBefore.keys(), ...latelyTold.keys()])) {
      count += 1;
      if (count % TOLD_IN_TURN === 0) await nextTurn();
      const conversation = await this.#options.conversations.find(conversationId);
      if (this.#isStopped) return;
      if (conversation === null) continue;
      const all = allOf(conversationId, toldBefore, latelyTold);
      const { fromSeq, marks } = all;
      const head =
        fromSeq === null ? null : { conversationId, fromSeq, seq: conversation.committedSeq };
      if (marks.size > 0) {
        const notice = { conversationId, isMissing, marks: all.moved(), head };
        this.#tellMembers(conversation, encodeMarks(notice));
      } else if (head !== null) this.tellHead(conversation, head);
    }
  }

  /**
   * Marks that have passed over messages of late, by conversation: where another device of the user has
   * received these on another node, its word may have been lost.
   */
  passed(): Map<string, MovedMarks[]> {
    const found = new Map<string, MovedMarks[]>();
    for (const id of new Set([...this.#before.keys(), ...this.#lately.keys()])) {
      const passed = [...allOf(id, this.#before, this.#lately).marks]
        .filter(([, { passedFrom }]) => passedFrom !== null)
        .map(([userId, { passedFrom, delivered }]) => ({
          ...{ userId, before: { deliveredSeq: passedFrom ?? 0, readSeq: 0 } },
          now: { deliveredSeq: delivered, readSeq: 0 },
        }));
      if (passed.length > 0) found.set(id, passed);
    }
    return found;
  }

  stop(): void {
    this.#isStopped = true;
  }

  #latelyOf(conversationId: string): Lately {
    const known = this.#lately.get(conversationId);
    if (known !== undefined) return known;
    const lately = new Lately();
    this.#lately.set(conversationId, lately);
    return lately;
  }

  #tellMembers({ id, members }: Conversation, notice: Uint8Array): void {
    const { nodes } = this.#options;
    if (members.size > MOST_BY_MEMBER) nodes.toAll(id, notice);
    else for (const userId of members.keys()) nodes.toUser(userId, notice);
  }
}
