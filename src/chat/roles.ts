import { AppError } from "../errors.ts";
import { type Actor, SYSTEM } from "./actor.ts";
import type { Conversation } from "./conversation.ts";
import type { ConversationChanges } from "./conversation-changes.ts";
import { conversationNotFound } from "./conversations.ts";
import type { Member } from "./member.ts";
import type { Messages } from "./messages.ts";
import type { Role } from "./stored-chats.ts";

const RANKS: Readonly<Record<Role, number>> = { owner: 2, admin: 1, member: 0 };

/**
 * The conversation, for an actor who may look after it: `SYSTEM`, and in a group its owner and its
 * admins. Throws CONVERSATION_NOT_FOUND to who is no member, NOT_PERMITTED.
 */
export function managed(found: Conversation | null, id: string, actor: Actor): Conversation {
  const conversation = entered(found, id, actor);
  if (actor !== SYSTEM && rankOf(conversation, actor) < RANKS.admin) {
    throw new AppError("NOT_PERMITTED", "This is for the group's owner and its admins");
  }
  return conversation;
}

/** The conversation, for `SYSTEM` and its members. Throws CONVERSATION_NOT_FOUND. */
export function entered(found: Conversation | null, id: string, actor: Actor): Conversation {
  if (found === null || (actor !== SYSTEM && !found.members.has(actor.userId))) {
    throw conversationNotFound(id);
  }
  return found;
}

/** The member, who alone may ask. Throws CONVERSATION_NOT_FOUND. */
export function memberOf(
  conversation: Conversation | null,
  id: string,
  userId: string,
): { readonly conversation: Conversation; readonly member: Member } {
  const member = conversation?.members.get(userId);
  if (conversation === null || member === undefined) throw conversationNotFound(id);
  return { conversation, member };
}

/** The actor stands above the member. Throws NOT_PERMITTED. */
export function assertAbove(conversation: Conversation, actor: Actor, { role }: Member): void {
  if (actor === SYSTEM || rankOf(conversation, actor) > RANKS[role]) return;
  throw new AppError("NOT_PERMITTED", "You may not do this to one of your own rank or above");
}

/** Who has the group when its owner is gone: the admin who joined first, or else the member. */
export function successorOf({ members }: Conversation): Member | null {
  let first: Member | null = null;
  for (const member of members.values()) {
    if (member.role === "admin") return member;
    first ??= member;
  }
  return first;
}

function rankOf({ members, kind }: Conversation, { userId }: Actor): number {
  const role = members.get(userId)?.role;
  return kind === "direct" || role === undefined ? RANKS.member : RANKS[role];
}

export interface RolesOptions {
  readonly changes: ConversationChanges;
  readonly messages: Messages;
}

/** Who may do what in a group. */
export class Roles {
  readonly #options: RolesOptions;

  constructor(options: RolesOptions) {
    this.#options = options;
  }

  /**
   * Gives a member a role: for the group's owner, and `SYSTEM`. Whoever becomes the owner takes that
   * from the one before, who is an admin then. A no-op where the member has it. Rejects with
   * CONVERSATION_NOT_FOUND, NOT_PERMITTED, VALIDATION_FAILED where that user is no member, the
   * conversation no group, or an owner would be gone without another.
   */
  set(actor: Actor, conversationId: string, userId: string, role: Role): Promise<void> {
    const { changes, messages } = this.#options;
    return changes.run(conversationId, (found, settled) => {
      const conversation = entered(found, conversationId, actor);
      if (conversation.kind === "direct") {
        throw new AppError("VALIDATION_FAILED", "A direct conversation has no roles");
      }
      if (actor !== SYSTEM && rankOf(conversation, actor) < RANKS.owner) {
        throw new AppError("NOT_PERMITTED", "Roles are the group's owner's to give");
      }
      const member = conversation.members.get(userId);
      if (member === undefined) throw notAMember();
      if (member.role === role) {
        changes.settleWithOthers(conversation, settled);
        return;
      }
      if (member.role === "owner") {
        throw new AppError("VALIDATION_FAILED", "role: make somebody else the owner instead");
      }
      if (role === "owner") this.#demoteOwners(conversation, actor);
      changes.setRole(conversation, member, role, settled);
      messages.tell(conversation, actor, { type: "ROLE_CHANGED", event: { userId, role } });
    });
  }

  #demoteOwners(conversation: Conversation, actor: Actor): void {
    const { changes, messages } = this.#options;
    for (const owner of conversation.members.values()) {
      if (owner.role !== "owner") continue;
      changes.setRole(conversation, owner, "admin", () => {});
      const event = { userId: owner.userId, role: "admin" as const };
      messages.tell(conversation, actor, { type: "ROLE_CHANGED", event });
    }
  }
}

function notAMember(): AppError {
  return new AppError("VALIDATION_FAILED", "userId: is not a member of the conversation");
}
