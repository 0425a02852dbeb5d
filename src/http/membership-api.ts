import { z } from "zod";
import { roleSchema } from "../app/conversation-schemas.ts";
import { idSchema } from "../app/schemas.ts";
import type { Actor } from "../chat/actor.ts";
import type { Chat } from "../chat/chat.ts";
import type { Endpoints } from "./endpoint.ts";

export interface MembershipApiOptions {
  readonly chat: Pick<Chat, "membership" | "roles">;
  /** Counts a change by the actor. Throws RATE_LIMITED. */
  readonly countChange: (actor: Actor) => void;
}

const tag = "Members";
const params = z.object({ id: idSchema, userId: idSchema });
const refusals = ["CONVERSATION_NOT_FOUND", "NOT_PERMITTED", "STORAGE_UNAVAILABLE"] as const;

/** Who belongs to which conversation, as what. Answers when it is on disk. */
export function membershipEndpoints(
  endpoints: Endpoints,
  { chat: { membership, roles }, countChange }: MembershipApiOptions,
): void {
  endpoints.add(
    {
      ...{ method: "put", path: "/api/conversations/{id}/members/{userId}", by: "actor", tag },
      operationId: "addMember",
      summary: "Adds a member: for the group's owner and admins; who is one stays as they are",
      params,
      answers: { 204: { description: "They are a member, on disk." } },
      refusals: [...refusals, "BLOCKED"],
    },
    async ({ context, caller, params: { id, userId } }) => {
      countChange(caller);
      await membership.add(caller, id, userId);
      return context.body(null, 204);
    },
  );

  endpoints.add(
    {
      ...{ method: "delete", path: "/api/conversations/{id}/members/{userId}", by: "actor", tag },
      operationId: "removeMember",
      summary: "Removes a member of lower rank, or lets the caller leave",
      params,
      answers: { 204: { description: "They are no member, on disk." } },
      refusals,
    },
    async ({ context, caller, params: { id, userId } }) => {
      countChange(caller);
      await membership.remove(caller, id, userId);
      return context.body(null, 204);
    },
  );

  endpoints.add(
    {
      ...{ method: "patch", path: "/api/conversations/{id}/members/{userId}", by: "actor", tag },
      operationId: "setMemberRole",
      summary: "Gives a member a role: for the group's owner, who may make somebody else the owner",
      ...{ params, body: roleSchema },
      answers: { 204: { description: "They have it, on disk." } },
      refusals,
    },
    async ({ context, caller, params: { id, userId }, body: { role } }) => {
      countChange(caller);
      await roles.set(caller, id, userId, role);
      return context.body(null, 204);
    },
  );
}
