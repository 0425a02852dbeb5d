import type { AppError } from "../errors.ts";
import type { Conversation } from "./conversation.ts";

/**
 * How far a device has come in a conversation: the last `seq` that it has. With the id of that
 * message the server notices when the device was shown one that a crash took before it was
 * confirmed, and whose `seq` is another's now; null if the device does not say.
 */
export interface Position {
  readonly seq: number;
  readonly id: string | null;
}

/** What a device asks for with `/app/chat.sync`. */
export interface SyncRequest {
  readonly positions: ReadonlyMap<string, Position>;
  /** What it takes to keep it, about. */
  readonly bytes: number;
  /** Called once, when all was handed over or cannot be; never if the device is gone before. */
  readonly settled: (outcome: SyncOutcome | AppError) => void;
}

export interface SyncOutcome {
  /** By the ids that the device named; null where the user is no member, or there is none. */
  readonly conversations: ReadonlyMap<string, ConversationState | null>;
  /** The user's conversations that the device did not name, with their last `seq`. */
  readonly others: ReadonlyMap<string, number>;
}

/** Where a conversation stands, for one of its members. */
export interface ConversationState {
  /** The last message on disk: the device has everything up to here, or can read it. */
  readonly seq: number;
  /** The member's own watermark, perhaps moved by another device. */
  readonly readSeq: number;
  /** All other members have received, and read, everything up to here. */
  readonly othersDeliveredSeq: number;
  readonly othersReadSeq: number;
  /**
   * What the device misses cannot be replayed wholly, so that nothing of it was: history was removed
   * by retention, or the device's position is none of this conversation's. It must forget what it
   * has of the conversation and read the history anew.
   */
  readonly resync: boolean;
}

/** What a sync found of a conversation. */
export interface SyncAnswer {
  readonly conversation: Conversation;
  /** The device has everything up to here; null: all that there is when the sync is done. */
  readonly uptoSeq: number | null;
  readonly resync: boolean;
}

/** A sync under way. */
export class Sync {
  readonly #answers = new Map<string, SyncAnswer | null>();
  readonly #others = new Map<string, number>();

  /** @param isFirst the first of its subscription: what the device had before that began */
  constructor(
    readonly request: SyncRequest,
    readonly isFirst: boolean,
  ) {}

  /** @param answer null: the user is no member, or there is no such conversation */
  answer(conversationId: string, answer: SyncAnswer | null): void {
    this.#answers.set(conversationId, answer);
  }

  /** The device, which is to read the conversation anew, was not sent that message. */
  leftOut(conversationId: string, seq: number): void {
    const answer = this.#answers.get(conversationId);
    if (!answer || answer.uptoSeq === null) return;
    this.#answers.set(conversationId, { ...answer, uptoSeq: Math.max(answer.uptoSeq, seq) });
  }

  foundOther(conversationId: string, lastSeq: number): void {
    if (!this.request.positions.has(conversationId)) this.#others.set(conversationId, lastSeq);
  }

  /** The device has everything now. `isMember`: of the conversation, now. */
  settle(userId: string, isMember: (conversationId: string) => boolean): void {
    const conversations = new Map<string, ConversationState | null>();
    for (const [id, answer] of this.#answers) {
      const state = answer && conversationState(answer, userId);
      conversations.set(id, isMember(id) ? state : null);
    }
    const others = new Map([...this.#others].filter(([id]) => isMember(id)));
    this.request.settled({ conversations, others });
  }

  fail(fault: AppError): void {
    this.request.settled(fault);
  }
}

function conversationState(
  { conversation, uptoSeq, resync }: SyncAnswer,
  userId: string,
): ConversationState {
  const seq = uptoSeq ?? conversation.committedSeq;
  let othersDeliveredSeq = seq;
  let othersReadSeq = seq;
  for (const member of conversation.members.values()) {
    if (member.userId === userId) continue;
    othersDeliveredSeq = Math.min(othersDeliveredSeq, member.durableDeliveredSeq);
    othersReadSeq = Math.min(othersReadSeq, member.readSeq);
  }
  const readSeq = conversation.members.get(userId)?.readSeq ?? 0;
  return { seq, readSeq, othersDeliveredSeq, othersReadSeq, resync };
}
