import type { AppError } from "../errors.ts";
import type { Conversation, Member } from "./conversations.ts";
import type { Origin } from "./outlet.ts";
import type {
  MemberKey,
  NewMember,
  SentMessage,
  StoredMessage,
  StoredUser,
  WatermarkWrite,
  WriteBatch,
} from "./ports.ts";

/** A message on its way to disk, and what happens when it is there. */
export interface PendingMessage {
  readonly message: StoredMessage;
  readonly conversation: Conversation;
  /** Recipients have it already. */
  readonly isShown: boolean;
  committed(): void;
  /** Nothing of it was written. */
  refused(error: AppError): void;
  /** Nothing of it was written, because its sender has sent it before: as this one. */
  repeated(first: SentMessage): void;
}

/** A watermark that moved because of this message. */
export interface PendingMark {
  readonly kind: "delivered" | "read";
  readonly conversation: Conversation;
  readonly member: Member;
  /** The watermark before. */
  readonly fromSeq: number;
  readonly message: StoredMessage;
  /** The connection that moved it, if one is to be told apart. */
  readonly origin: Origin | null;
}

/** A conversation's members on their way to disk; they have changed already. */
export interface PendingMembership {
  /**
   * `created`: the conversation, with the members that it has when the batch leaves; `none` only
   * waits for what was before it.
   */
  readonly change: "created" | "added" | "removed" | "none";
  readonly conversation: Conversation;
  /** Who was added or removed. */
  readonly member: Member | null;
  committed(): void;
  /** Nothing of it was written: makes the members what they were. */
  undo(): void;
  /** After `undo`, and that of later changes. */
  refused(error: AppError): void;
}

/** What the next commit writes, as it gathers. */
export class OpenBatch {
  readonly conversations = new Set<Conversation>();
  readonly messages: PendingMessage[] = [];
  readonly members = new Map<Member, Conversation>();
  readonly marks: PendingMark[] = [];
  readonly users = new Map<string, StoredUser>();
  /** In the order of their happening. */
  readonly memberships: PendingMembership[] = [];
  /** Of the messages' contents, about. */
  bytes = 0;
  #watermarks: readonly WatermarkWrite[] = [];

  get isEmpty(): boolean {
    const { messages, memberships, members, users } = this;
    return messages.length + memberships.length + members.size + users.size === 0;
  }

  toWrite(): WriteBatch {
    const watermarks: WatermarkWrite[] = [];
    for (const [member, conversation] of this.members) {
      const { userId, deliveredSeq, readSeq } = member;
      watermarks.push({ conversationId: conversation.id, userId, deliveredSeq, readSeq });
    }
    this.#watermarks = watermarks;
    return {
      conversations: [...this.conversations].map((conversation) => ({
        id: conversation.id,
        kind: conversation.kind,
        createdMs: conversation.createdMs,
        memberIds: [...conversation.members.keys()],
      })),
      messages: this.messages.map((pending) => pending.message),
      watermarks,
      users: [...this.users.values()],
      ...this.#membershipWrites(),
    };
  }

  /** Of a user who comes and goes, the last is what holds; who comes again, is removed first. */
  #membershipWrites(): { removedMembers: MemberKey[]; addedMembers: NewMember[] } {
    const removed = new Map<string, MemberKey>();
    const added = new Map<string, NewMember>();
    for (const { change, conversation, member } of this.memberships) {
      if (member === null) continue;
      const { userId, joinedSeq, deliveredSeq, readSeq } = member;
      const conversationId = conversation.id;
      const key = `${userId} ${conversationId}`;
      if (change === "removed") {
        added.delete(key);
        removed.set(key, { conversationId, userId });
      } else if (change === "added") {
        added.set(key, { conversationId, userId, joinedSeq, deliveredSeq, readSeq });
      }
    }
    return { removedMembers: [...removed.values()], addedMembers: [...added.values()] };
  }

  /** The watermarks are on disk as they were when the batch left. */
  written(): void {
    let at = 0;
    for (const member of this.members.keys()) {
      const deliveredSeq = this.#watermarks[at]?.deliveredSeq ?? 0;
      member.durableDeliveredSeq = Math.max(member.durableDeliveredSeq, deliveredSeq);
      at += 1;
    }
  }
}
