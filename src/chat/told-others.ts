import type { Conversation, Conversations, MovedMarks } from "./conversations.ts";
import { nextTurn } from "./each-head.ts";
import { farewellOf } from "./events.ts";
import { encodeHead, encodeMarks, encodeMessage, type HeadNotice } from "./node-notice.ts";
import type { PendingMark } from "./open-batch.ts";
import type { OtherNodes } from "./other-nodes.ts";
import type { StoredMessage, Watermarks } from "./ports.ts";

/** Of a conversation with more members, a message is told to all nodes once and not to each member. */
const MOST_BY_MEMBER = 32;
/** Conversations of which others are told, before it is somebody else's turn. */
const TOLD_IN_TURN = 256;

const NONE: Watermarks = { deliveredSeq: 0, readSeq: 0 };

export interface ToldOthersOptions {
  readonly nodes: OtherNodes;
  readonly conversations: Conversations;
}

/** Of a conversation. */
class Lately {
  /** The first message of which others have been told; null: of none. */
  fromSeq: number | null = null;
  /** By user: the marks that have moved. */
  readonly marks = new Map<string, MovedMarks>();

  move(marks: MovedMarks): void {
    const known = this.marks.get(marks.userId);
    this.marks.set(marks.userId, known === undefined ? marks : joined(known, marks));
  }

  /** With what was told before. */
  after(before: Lately | undefined): Lately {
    if (before === undefined) return this;
    const all = new Lately();
    all.fromSeq = before.fromSeq ?? this.fromSeq;
    for (const marks of [...before.marks.values(), ...this.marks.values()]) all.move(marks);
    return all;
  }
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
      const { userId } = member;
      const move = (before: Watermarks, now: Watermarks) =>
        this.#latelyOf(conversation.id).move({ userId, before, now });
      const { seq } = message;
      if (kind === "read") move({ ...NONE, readSeq: fromSeq }, { ...NONE, readSeq: seq });
      else move({ ...NONE, deliveredSeq: fromSeq }, { ...NONE, deliveredSeq: seq });
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
      const lately = latelyTold.get(conversationId) ?? new Lately();
      const { fromSeq, marks } = lately.after(toldBefore.get(conversationId));
      if (fromSeq !== null) {
        this.tellHead(conversation, { conversationId, fromSeq, seq: conversation.committedSeq });
      }
      if (marks.size === 0) continue;
      const notice = { conversationId, isMissing, marks: [...marks.values()] };
      this.#tellMembers(conversation, encodeMarks(notice));
    }
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

/** Of one user: the marks have moved from where the one began to where the other ends. */
function joined(one: MovedMarks, other: MovedMarks): MovedMarks {
  const [before, now] = [{ ...one.before }, { ...one.now }];
  for (const mark of ["deliveredSeq", "readSeq"] as const) {
    if (other.now[mark] === 0) continue;
    before[mark] = one.now[mark] === 0 ? other.before[mark] : one.before[mark];
    now[mark] = Math.max(one.now[mark], other.now[mark]);
  }
  return { userId: one.userId, before, now };
}
