import { z } from "zod";
import { inviteCodeSchema, newInviteSchema } from "../app/conversation-schemas.ts";
import { idSchema } from "../app/schemas.ts";
import type { Actor } from "../chat/actor.ts";
import type { Chat } from "../chat/chat.ts";
import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import { asUser } from "./acting.ts";
import type { Endpoints } from "./endpoint.ts";
import type { LargeAnswers } from "./large-answers.ts";
import { INVITE, INVITE_PREVIEW, INVITES } from "./schemas.ts";
import { inviteView, previewView } from "./views.ts";

export interface InvitesApiOptions {
  readonly chat: Pick<Chat, "invites">;
  readonly answers: LargeAnswers;
  readonly clock: Clock;
  /** Counts a change by the actor. Throws RATE_LIMITED. */
  readonly countChange: (actor: Actor) => void;
}

const tag = "Invites";
const params = z.object({ id: idSchema });
const ofCode = z.object({ code: inviteCodeSchema });
const refusals = ["CONVERSATION_NOT_FOUND", "NOT_PERMITTED", "STORAGE_UNAVAILABLE"] as const;

/** Links by which users join groups. */
export function inviteEndpoints(
  endpoints: Endpoints,
  { chat: { invites }, answers, clock, countChange }: InvitesApiOptions,
): void {
  endpoints.add(
    {
      ...{ method: "post", path: "/api/conversations/{id}/invites", by: "actor", tag },
      operationId: "createInvite",
      summary: "Makes a link into the group: for its owner and admins",
      ...{ params, body: newInviteSchema },
      answers: { 201: { description: "It holds from now on.", schema: INVITE } },
      refusals,
    },
    async ({ context, caller, params: { id }, body: { expiresAt } }) => {
      countChange(caller);
      if (expiresAt !== null && expiresAt <= clock.now()) {
        throw new AppError("VALIDATION_FAILED", "expiresAt: is over already");
      }
      return context.json(inviteView(await invites.create(caller, id, expiresAt)), 201);
    },
  );

  endpoints.add(
    {
      ...{ method: "get", path: "/api/conversations/{id}/invites", by: "actor", tag },
      operationId: "listInvites",
      isConditional: true,
      summary: "The group's links that hold: for its owner and admins",
      params,
      answers: { 200: { description: "The oldest first.", schema: INVITES } },
      refusals,
    },
    async ({ context, caller, params: { id } }) => {
      const found = await invites.list(caller, id);
      return answers.json(context, { invites: found.map(inviteView) });
    },
  );

  endpoints.add(
    {
      ...{ method: "delete", path: "/api/conversations/{id}/invites/{code}", by: "actor", tag },
      operationId: "revokeInvite",
      summary: "Revokes a link: for the group's owner and admins",
      params: params.extend(ofCode.shape),
      answers: { 204: { description: "It holds no longer." } },
      refusals,
    },
    async ({ context, caller, params: { id, code } }) => {
      countChange(caller);
      await invites.revoke(caller, id, code);
      return context.body(null, 204);
    },
  );

  endpoints.add(
    {
      ...{ method: "get", path: "/api/invites/{code}", by: "actor", tag },
      operationId: "previewInvite",
      isConditional: true,
      summary: "What a link leads to",
      params: ofCode,
      answers: { 200: { description: "The group.", schema: INVITE_PREVIEW } },
      refusals: ["INVITE_NOT_FOUND"],
    },
    async ({ context, params: { code } }) =>
      answers.json(context, previewView(await invites.preview(code))),
  );

  endpoints.add(
    {
      ...{ method: "post", path: "/api/invites/{code}/join", by: "actor", tag },
      operationId: "joinByInvite",
      summary: "Makes the caller a member of the group that the link leads to",
      params: ofCode,
      answers: { 200: { description: "They are one, on disk.", schema: INVITE_PREVIEW } },
      refusals: ["INVITE_NOT_FOUND", "STORAGE_UNAVAILABLE"],
    },
    async ({ context, caller, params: { code } }) => {
      const user = asUser(caller);
      countChange(user);
      await invites.join(user, code);
      return context.json(previewView(await invites.preview(code)));
    },
  );
}
