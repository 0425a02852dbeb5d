import { type Conversation, isReachable, type Message } from "./conversation.ts";
import type { Role } from "./wire.ts";
import type { Member } from "./wire-groups.ts";

/** What the server lets the user do. It decides; here only what it would refuse is not offered. */

const RANKS: Readonly<Record<Role, number>> = { owner: 2, admin: 1, member: 0 };

/** Of a group: title, picture, members, links. */
export function mayManage({ kind, role, isMember }: Conversation): boolean {
  return kind === "group" && isMember && role !== "member";
}

export function mayRemove(conversation: Conversation, { role }: Member): boolean {
  return mayManage(conversation) && RANKS[conversation.role] > RANKS[role];
}

export function mayGiveRoles({ kind, role, isMember }: Conversation): boolean {
  return kind === "group" && isMember && role === "owner";
}

/** It is with the server, and still says something. */
export function isSaid({ id, event, isDeleted }: Message): boolean {
  return id !== null && event === null && !isDeleted;
}

export function mayEdit({ isMember }: Conversation, message: Message, userId: string): boolean {
  return isMember && isSaid(message) && message.senderId === userId;
}

export function mayDelete(conversation: Conversation, message: Message, userId: string): boolean {
  if (!conversation.isMember || !isSaid(message)) return false;
  return message.senderId === userId || mayManage(conversation);
}

/** How long what is said in it is kept. */
export function mayLimitLifetime(conversation: Conversation): boolean {
  return isReachable(conversation) && mayPin(conversation);
}

export function mayPin(conversation: Conversation): boolean {
  return conversation.isMember && (conversation.kind === "direct" || mayManage(conversation));
}
