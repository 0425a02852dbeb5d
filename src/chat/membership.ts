import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { NewId } from "../ids.ts";
import { type Actor, SYSTEM } from "./actor.ts";
import { type Blocks, blocked } from "./blocks.ts";
import type { Contacts } from "./contacts.ts";
import type { Conversation } from "./conversation.ts";
import { all, type ConversationChanges, type Settled } from "./conversation-changes.ts";
import { type Conversations, conversationNotFound } from "./conversations.ts";
import type { Happening } from "./happening.ts";
import type { Member } from "./member.ts";
import type { Messages } from "./messages.ts";
import type { Outlet } from "./outlet.ts";
import { assertAbove, entered, managed, successorOf } from "./roles.ts";
import type { ConversationProfile } from "./stored-chats.ts";
import type { Typing } from "./typing.ts";

export interface MembershipOptions {
  readonly changes: ConversationChanges;
  readonly conversations: Conversations;
  readonly messages: Messages;
  readonly outlet: Outlet;
  readonly typing: Typing;
  readonly contacts: Contacts;
  readonly blocks: Blocks;
  readonly clock: Clock;
  readonly newId: NewId;
  /** Members that a conversation may have. */
  readonly capacity: number;
}

export interface NewGroup extends ConversationProfile {
  /** null: the server gives it one. */
  readonly id: string | null;
  /** In the order of their joining, behind the actor, who is one of them. */
  readonly memberIds: readonly string[];
  /** Of a group that `SYSTEM` makes; a user owns what they make. null: nobody owns it. */
  readonly ownerId: string | null;
}

export interface CreatedGroup {
  readonly id: string;
  readonly memberIds: readonly string[];
  /** False if it was there already, just like this. */
  readonly isNew: boolean;
}

/**
 * Who belongs to a conversation. See `ConversationChanges` for when changes hold.
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
   * A group of those users. One that is there already with just these members is as good as a new
   * one, so that a caller may ask again. Rejects with CONVERSATION_EXISTS when the id stands for
   * something else; with VALIDATION_FAILED when these are too many, or nobody; with BLOCKED when one of
   * them and the actor are.
   */
  async create(actor: Actor, group: NewGroup): Promise<CreatedGroup> {
    const { conversations, messages, changes, contacts, newId, clock, outlet } = this.#options;
    const id = group.id ?? newId();
    const ownerId = actor === SYSTEM ? group.ownerId : actor.userId;
    const first = ownerId === null ? [] : [ownerId];
    const memberIds = [...new Set([...first, ...group.memberIds])];
    if (memberIds.length === 0) throw new AppError("VALIDATION_FAILED", "memberIds: names nobody");
    this.#assertRoomFor(memberIds.length);
    for (const userId of memberIds) this.#assertUnblocked(actor, userId);
    return await changes.run(id, (found, settled) => {
      if (found !== null) {
        if (!isGroupOf(found, memberIds)) throw conversationExists(id);
        changes.settleWithOthers(found, settled);
        return { id, memberIds, isNew: false };
      }
      const { title, picture, disappearAfterSeconds } = group;
      const profile = { title, picture, disappearAfterSeconds };
      const input = { id, kind: "group" as const, createdMs: clock.now(), ...profile };
      const conversation = conversations.open(input, memberIds, ownerId);
      const known = contacts.met(memberIds, memberIds);
      changes.write({ change: "created", conversation }, all(settled, known));
      for (const userId of memberIds) outlet.joined(userId, id);
      const event = { title, picture, memberCount: memberIds.length };
      messages.tell(conversation, actor, { type: "CONVERSATION_CREATED", event });
      return { id, memberIds, isNew: true };
    });
  }

  /**
   * For who looks after the group, and `SYSTEM`. A no-op for a member. Rejects with
   * CONVERSATION_NOT_FOUND, NOT_PERMITTED, BLOCKED; with VALIDATION_FAILED when it is full.
   */
  add(actor: Actor, conversationId: string, userId: string): Promise<void> {
    this.#assertUnblocked(actor, userId);
    return this.#options.changes.run(conversationId, (found, settled) => {
      const conversation = managed(found, conversationId, actor);
      this.#enter(conversation, userId, actor, "MEMBER_ADDED", settled);
    });
  }

  /**
   * The actor comes by themselves: whether they may, the caller has seen to. A no-op for a member.
   * Rejects with CONVERSATION_NOT_FOUND, VALIDATION_FAILED.
   */
  join(actor: Actor, conversationId: string): Promise<void> {
    return this.#options.changes.run(conversationId, (conversation, settled) => {
      if (conversation === null) throw conversationNotFound(conversationId);
      this.#enter(conversation, actor.userId, actor, "MEMBER_JOINED", settled);
    });
  }

  /**
   * For who looks after the group and stands above that member, and `SYSTEM`. A no-op for a user who
   * is no member. Rejects with CONVERSATION_NOT_FOUND, NOT_PERMITTED.
   */
  remove(actor: Actor, conversationId: string, userId: string): Promise<void> {
    if (userId === actor.userId) return this.leave(actor, conversationId);
    return this.#options.changes.run(conversationId, (found, settled) => {
      const conversation = managed(found, conversationId, actor);
      const member = conversation.members.get(userId);
      if (member === undefined) {
        this.#options.changes.settleWithOthers(conversation, settled);
        return;
      }
      assertAbove(conversation, actor, member);
      this.#part(conversation, member, actor, "MEMBER_REMOVED", settled);
    });
  }

  /**
   * The actor is no member any more. Rejects with CONVERSATION_NOT_FOUND, and with VALIDATION_FAILED
   * for a direct conversation.
   */
  leave(actor: Actor, conversationId: string): Promise<void> {
    return this.#options.changes.run(conversationId, (found, settled) => {
      const conversation = entered(found, conversationId, actor);
      if (conversation.kind === "direct") {
        throw new AppError("VALIDATION_FAILED", "A direct conversation is archived, not left");
      }
      const member = conversation.members.get(actor.userId);
      if (member === undefined) throw conversationNotFound(conversationId);
      this.#part(conversation, member, actor, "MEMBER_LEFT", settled);
    });
  }

  #enter(
    conversation: Conversation,
    userId: string,
    actor: Actor,
    type: "MEMBER_ADDED" | "MEMBER_JOINED",
    settled: Settled,
  ): void {
    const { changes, contacts, outlet } = this.#options;
    if (conversation.members.has(userId)) {
      changes.settleWithOthers(conversation, settled);
      return;
    }
    if (conversation.kind === "direct" && conversation.members.size >= 2) {
      throw new AppError("VALIDATION_FAILED", "A direct conversation has two members");
    }
    this.#assertRoomFor(conversation.members.size + 1);
    // A group that everybody has left is whose who comes back first, over a link.
    const isLeft = type === "MEMBER_JOINED" && conversation.members.size === 0;
    const member = conversation.join(userId, isLeft ? "owner" : "member");
    const known = contacts.met([userId], conversation.members.keys());
    const undo = () => conversation.members.delete(userId);
    changes.write({ change: "added", conversation, member }, all(settled, known), undo);
    outlet.joined(userId, conversation.id);
    this.#tell(conversation, actor, { type, event: { userId } });
  }

  #part(
    conversation: Conversation,
    member: Member,
    actor: Actor,
    type: "MEMBER_REMOVED" | "MEMBER_LEFT",
    settled: Settled,
  ): void {
    const { changes, contacts, outlet, typing } = this.#options;
    const { userId } = member;
    // They are still a member, so that it counts as received and read by who leaves.
    this.#tell(conversation, actor, { type, event: { userId } });
    const before = [...conversation.members];
    conversation.members.delete(userId);
    const known = contacts.parted(userId, conversation.members.keys());
    const undo = () => {
      // In their order, which says who follows the owner.
      conversation.members.clear();
      for (const [id, each] of before) conversation.members.set(id, each);
    };
    changes.write({ change: "removed", conversation, member }, all(settled, known), undo);
    outlet.left(userId, conversation.id);
    typing.leftConversation(userId, conversation.id);
    if (member.role === "owner") this.#succeed(conversation);
  }

  /** A group that had an owner has one. */
  #succeed(conversation: Conversation): void {
    const successor = successorOf(conversation);
    if (successor === null) return;
    this.#options.changes.setRole(conversation, successor, "owner", () => {});
    const event = { userId: successor.userId, role: "owner" as const };
    this.#tell(conversation, SYSTEM, { type: "ROLE_CHANGED", event });
  }

  /** Of a direct conversation nothing is told: it has no events. */
  #tell(conversation: Conversation, actor: Actor, happening: Happening): void {
    if (conversation.kind === "direct") return;
    this.#options.messages.tell(conversation, actor, happening);
  }

  #assertUnblocked(actor: Actor, userId: string): void {
    if (this.#options.blocks.isBetween(actor.userId, userId)) throw blocked();
  }

  #assertRoomFor(count: number): void {
    const { capacity } = this.#options;
    if (count <= capacity) return;
    throw new AppError("VALIDATION_FAILED", `A conversation has at most ${capacity} members`);
  }
}

function isGroupOf({ kind, members }: Conversation, userIds: readonly string[]): boolean {
  const isAlike = kind === "group" && members.size === userIds.length;
  return isAlike && userIds.every((userId) => members.has(userId));
}

function conversationExists(id: string): AppError {
  return new AppError("CONVERSATION_EXISTS", `There is another conversation ${id}`);
}
