import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { NewId } from "../ids.ts";
import { whenReady } from "../maybe-promise.ts";
import type { Contacts } from "./contacts.ts";
import {
  type Conversation,
  type Conversations,
  conversationNotFound,
  type Member,
} from "./conversations.ts";
import type { Journal } from "./journal.ts";
import type { PendingMembership } from "./open-batch.ts";
import type { Outlet } from "./outlet.ts";
import type { Receipts } from "./receipts.ts";
import type { Typing } from "./typing.ts";

export interface MembershipOptions {
  readonly conversations: Conversations;
  readonly journal: Journal;
  readonly outlet: Outlet;
  readonly receipts: Receipts;
  readonly typing: Typing;
  readonly contacts: Contacts;
  readonly clock: Clock;
  readonly newId: NewId;
  /** Members that a conversation may have. */
  readonly capacity: number;
}

export interface CreatedGroup {
  readonly id: string;
  readonly memberIds: readonly string[];
  /** False if it was there already, just like this. */
  readonly isNew: boolean;
}

/** How a membership's change ends: null when it is on disk, else why it is not. */
type Settled = (error: AppError | null) => void;

/**
 * Who belongs to a conversation. Changes hold from the call on, for what is asked and delivered
 * alike; the promises resolve when they are on disk. A change that cannot be written is undone, and
 * rejects with STORAGE_UNAVAILABLE.
 *
 * Who joins, also again, is not shown what was said before: neither live, nor by replays, history or
 * status.
 */
export class Membership {
  readonly #options: MembershipOptions;

  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  /**
   * A group of those users, in this order. One that is there already with just these members is as
   * good as a new one, so that a caller may ask again. Rejects with CONVERSATION_EXISTS when the id
   * stands for something else; with VALIDATION_FAILED when these are too many.
   */
  async create(id: string | null, userIds: readonly string[]): Promise<CreatedGroup> {
    const { conversations, newId, clock, outlet } = this.#options;
    const groupId = id ?? newId();
    const memberIds = [...new Set(userIds)];
    this.#assertRoomFor(memberIds.length);
    return await this.#change(groupId, (found, settled) => {
      if (found !== null) {
        if (!isGroupOf(found, memberIds)) throw conversationExists(groupId);
        this.#settleWithOthers(found, settled);
        return { id: groupId, memberIds, isNew: false };
      }
      const conversation = conversations.open(groupId, "group", memberIds, clock.now());
      const known = this.#options.contacts.met(memberIds, memberIds);
      this.#write({ change: "created", conversation, member: null }, all(settled, known));
      for (const userId of memberIds) outlet.joined(userId, groupId);
      return { id: groupId, memberIds, isNew: true };
    });
  }

  /** A no-op for a member. Rejects with CONVERSATION_NOT_FOUND; with VALIDATION_FAILED when it is full. */
  add(conversationId: string, userId: string): Promise<void> {
    return this.#change(conversationId, (conversation, settled) => {
      if (conversation === null) throw conversationNotFound(conversationId);
      if (conversation.members.has(userId)) {
        this.#settleWithOthers(conversation, settled);
        return;
      }
      if (conversation.kind === "direct" && conversation.members.size >= 2) {
        throw new AppError("VALIDATION_FAILED", "A direct conversation has two members");
      }
      this.#assertRoomFor(conversation.members.size + 1);
      const member = conversation.join(userId);
      const known = this.#options.contacts.met([userId], conversation.members.keys());
      this.#write({ change: "added", conversation, member }, all(settled, known));
      this.#options.outlet.joined(userId, conversationId);
    });
  }

  /** A no-op for a user who is no member. Rejects with CONVERSATION_NOT_FOUND. */
  remove(conversationId: string, userId: string): Promise<void> {
    return this.#change(conversationId, (conversation, settled) => {
      if (conversation === null) throw conversationNotFound(conversationId);
      const member = conversation.members.get(userId) ?? null;
      if (member === null) {
        this.#settleWithOthers(conversation, settled);
        return;
      }
      conversation.members.delete(userId);
      const known = this.#options.contacts.parted(userId, conversation.members.keys());
      this.#write({ change: "removed", conversation, member }, all(settled, known));
      this.#options.outlet.left(userId, conversationId);
      this.#options.typing.leftConversation(userId, conversationId);
    });
  }

  /** Looks the conversation up, and changes it in one go with the look. */
  async #change<T>(
    conversationId: string,
    change: (conversation: Conversation | null, settled: Settled) => T,
  ): Promise<T> {
    const { conversations, journal } = this.#options;
    journal.assertRoom();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const settled: Settled = (error) => (error === null ? resolve() : reject(error));
    const changed = whenReady(conversations.find(conversationId), (found) => {
      const result = change(found ?? conversations.peek(conversationId) ?? null, settled);
      journal.flush();
      return result;
    });
    const [result] = await Promise.all([changed, promise]);
    return result;
  }

  /** Nothing is to be done, but what makes it so may not be on disk yet. */
  #settleWithOthers(conversation: Conversation, settled: Settled): void {
    const isDone = conversation.uncommitted === 0;
    if (isDone) settled(null);
    else this.#write({ change: "none", conversation, member: null }, settled);
  }

  #write(change: Change, settled: Settled): void {
    this.#options.journal.addMembership(new Pending(this.#options, change, settled));
  }

  #assertRoomFor(count: number): void {
    const { capacity } = this.#options;
    if (count <= capacity) return;
    throw new AppError("VALIDATION_FAILED", `A conversation has at most ${capacity} members`);
  }
}

type Change = Pick<PendingMembership, "change" | "conversation" | "member">;

class Pending implements PendingMembership {
  readonly change: PendingMembership["change"];
  readonly conversation: Conversation;
  readonly member: Member | null;
  readonly #options: MembershipOptions;
  readonly #settled: Settled;

  constructor(options: MembershipOptions, change: Change, settled: Settled) {
    this.change = change.change;
    this.conversation = change.conversation;
    this.member = change.member;
    this.#options = options;
    this.#settled = settled;
  }

  committed(): void {
    const { change, conversation, member } = this;
    this.#settled(null);
    if (change === "removed" && member !== null) {
      this.#options.receipts.memberLeft(conversation, member);
    }
  }

  undo(): void {
    const { change, conversation, member } = this;
    if (member === null) return;
    if (change === "removed") conversation.members.set(member.userId, member);
    if (change === "added") conversation.members.delete(member.userId);
  }

  refused(error: AppError): void {
    const { change, conversation, member } = this;
    const { outlet } = this.#options;
    if (change === "removed" && member !== null) outlet.returned(member.userId, conversation.id);
    if (change === "added" && member !== null) outlet.left(member.userId, conversation.id);
    this.#settled(error);
  }
}

function all(settled: Settled, known: () => void): Settled {
  return (error) => {
    known();
    settled(error);
  };
}

function isGroupOf({ kind, members }: Conversation, userIds: readonly string[]): boolean {
  const isAlike = kind === "group" && members.size === userIds.length;
  return isAlike && userIds.every((userId) => members.has(userId));
}

function conversationExists(id: string): AppError {
  return new AppError("CONVERSATION_EXISTS", `There is another conversation ${id}`);
}
