import { z } from "zod";
import {
  idByKey,
  newGroupSchema,
  preferencesChange,
  preferencesSchema,
  profileSchema,
} from "../app/conversation-schemas.ts";
import { idSchema } from "../app/schemas.ts";
import type { Actor } from "../chat/actor.ts";
import type { Chat } from "../chat/chat.ts";
import { conversationNotFound } from "../chat/conversations.ts";
import type { ChatStore } from "../chat/ports.ts";
import { entered } from "../chat/roles.ts";
import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import { asUser } from "./acting.ts";
import type { Endpoints } from "./endpoint.ts";
import type { LargeAnswers } from "./large-answers.ts";
import { cursorOf, cursorSchema } from "./list-cursor.ts";
import { limitSchema } from "./pages.ts";
import { CONVERSATION, CONVERSATIONS, CREATED_CONVERSATION, MEMBERS, PROFILE } from "./schemas.ts";
import { conversationView, membersView } from "./views.ts";

export interface ConversationsApiOptions {
  readonly chat: Chat;
  readonly store: ChatStore;
  readonly answers: LargeAnswers;
  readonly clock: Clock;
  /** Users may make groups. */
  readonly openGroups: boolean;
  /** Counts a change by the actor. Throws RATE_LIMITED. */
  readonly countChange: (actor: Actor) => void;
}

const tag = "Conversations";
const params = z.object({ id: idSchema });

const listSchema = z.object({
  cursor: cursorSchema.optional().describe("`next` of the page before."),
  limit: limitSchema,
  archived: z
    .enum(["true", "false"])
    .default("false")
    .transform((text) => text === "true")
    .describe("Those that the caller has archived, or the others."),
});

/** Conversations: one's own list of them, what they are, how they show themselves. */
export function conversationEndpoints(
  endpoints: Endpoints,
  { chat, store, answers, clock, openGroups, countChange }: ConversationsApiOptions,
): void {
  endpoints.add(
    {
      ...{ method: "get", path: "/api/conversations", by: "actor", tag },
      operationId: "listConversations",
      isConditional: true,
      summary: "The caller's conversations: pinned ones first, then the one last active first",
      query: listSchema,
      answers: { 200: { description: "A page of them.", schema: CONVERSATIONS } },
    },
    async ({ context, caller, query: { cursor, limit, archived } }) => {
      const { userId } = asUser(caller);
      const query = { userId, archived, after: cursor ?? null, limit: limit + 1 };
      const overviews = await store.conversationsOf(query);
      const page = overviews.slice(0, limit);
      const last = overviews.length > limit ? page.at(-1) : undefined;
      const next = last === undefined ? null : cursorOf({ ...last, pinnedMs: last.pinnedMs ?? 0 });
      return answers.json(context, {
        conversations: page
          // Who has left is no member, though the disk does not know it yet.
          .filter(({ id }) => chat.conversations.peek(id)?.members.has(userId) !== false)
          .map((overview) => conversationView(overview, userId)),
        next,
      });
    },
  );

  endpoints.add(
    {
      ...{ method: "post", path: "/api/conversations", by: "actor", tag },
      operationId: "createConversation",
      summary:
        "Makes a group, owned by the user who asks; again with the same id and members, nothing",
      body: newGroupSchema,
      answers: {
        200: { description: "It was there already.", schema: CREATED_CONVERSATION },
        201: { description: "It is on disk.", schema: CREATED_CONVERSATION },
      },
      isIdempotentByKey: true,
      refusals: ["CONVERSATION_EXISTS", "NOT_PERMITTED", "BLOCKED", "STORAGE_UNAVAILABLE"],
    },
    async ({ context, caller, body, idempotencyKey, isServer }) => {
      countChange(caller);
      if (!openGroups && !isServer) {
        throw new AppError("NOT_PERMITTED", "Groups are made by the app's back end alone");
      }
      if (body.id !== null && !isServer) {
        throw new AppError("VALIDATION_FAILED", "id: is for the app's back end to choose");
      }
      const id = body.id ?? (idempotencyKey && idByKey(caller, idempotencyKey));
      const { isNew, ...group } = await chat.membership.create(caller, { ...body, id });
      return context.json({ ...group, kind: "group" }, isNew ? 201 : 200);
    },
  );

  endpoints.add(
    {
      ...{ method: "get", path: "/api/conversations/{id}", by: "actor", tag },
      operationId: "getConversation",
      isConditional: true,
      summary: "One of the caller's conversations",
      params,
      answers: { 200: { description: "As its member has it.", schema: CONVERSATION } },
      refusals: ["CONVERSATION_NOT_FOUND"],
    },
    async ({ context, caller, params: { id } }) => {
      const { userId } = asUser(caller);
      await chat.conversations.findFor(userId, id);
      const overview = await store.conversationOf(userId, id);
      if (overview === null) throw conversationNotFound(id); // Opened, and not on disk yet.
      return answers.json(context, conversationView(overview, userId));
    },
  );

  endpoints.add(
    {
      ...{ method: "patch", path: "/api/conversations/{id}", by: "actor", tag },
      operationId: "updateConversation",
      summary: "Changes how a group shows itself: for its owner and admins",
      ...{ params, body: profileSchema },
      answers: { 200: { description: "As it is now, on disk.", schema: PROFILE } },
      refusals: ["CONVERSATION_NOT_FOUND", "NOT_PERMITTED", "STORAGE_UNAVAILABLE"],
    },
    async ({ context, caller, params: { id }, body }) => {
      countChange(caller);
      return context.json(await chat.profiles.change(caller, id, body));
    },
  );

  endpoints.add(
    {
      ...{ method: "get", path: "/api/conversations/{id}/members", by: "actor", tag },
      operationId: "listMembers",
      isConditional: true,
      summary: "The members, in the order of their joining, and how far each has come",
      params,
      answers: { 200: { description: "All of them.", schema: MEMBERS } },
      refusals: ["CONVERSATION_NOT_FOUND"],
    },
    async ({ context, caller, params: { id } }) => {
      const conversation = entered(await chat.conversations.findFresh(id), id, caller);
      return answers.json(context, membersView(conversation));
    },
  );

  endpoints.add(
    {
      ...{ method: "patch", path: "/api/conversations/{id}/preferences", by: "actor", tag },
      operationId: "updatePreferences",
      summary: "Mutes, archives or pins a conversation for the caller alone",
      ...{ params, body: preferencesSchema },
      answers: { 204: { description: "It is on disk; what was not named stays as it was." } },
      refusals: ["CONVERSATION_NOT_FOUND", "STORAGE_UNAVAILABLE"],
    },
    async ({ context, caller, params: { id }, body }) => {
      const { userId } = asUser(caller);
      countChange(caller);
      await chat.preferences.set(userId, id, preferencesChange(body, clock.now()));
      return context.body(null, 204);
    },
  );
}
