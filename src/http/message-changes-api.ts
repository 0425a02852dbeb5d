import { z } from "zod";
import { contentChangeSchema, reactionSchema } from "../app/message-schemas.ts";
import { idSchema } from "../app/schemas.ts";
import type { Actor } from "../chat/actor.ts";
import type { Chat } from "../chat/chat.ts";
import type { ChatStore } from "../chat/ports.ts";
import { entered } from "../chat/roles.ts";
import { isoTime } from "../clock.ts";
import type { Endpoints } from "./endpoint.ts";
import type { LargeAnswers } from "./large-answers.ts";
import { LONGEST_PAGE } from "./pages.ts";
import { MESSAGES, VERSIONS } from "./schemas.ts";
import { messagesFor } from "./views.ts";

export interface MessageChangesApiOptions {
  readonly chat: Chat;
  readonly store: ChatStore;
  readonly answers: LargeAnswers;
  /** Counts a change by the actor. Throws RATE_LIMITED. */
  readonly countChange: (actor: Actor) => void;
}

const tag = "Messages";
const params = z.object({ id: z.string() });
const onDisk = { 204: { description: "It is on disk, and told." } };
const refusals = ["MESSAGE_NOT_FOUND", "NOT_PERMITTED", "STORAGE_UNAVAILABLE"] as const;

/** What is done to messages that were sent. */
export function messageChangeEndpoints(
  endpoints: Endpoints,
  { chat, store, answers, countChange }: MessageChangesApiOptions,
): void {
  const { messageChanges } = chat;

  endpoints.add(
    {
      ...{ method: "patch", path: "/api/messages/{id}", by: "actor", tag },
      operationId: "editMessage",
      summary: "Edits one's own message; what it said before is kept",
      ...{ params, body: contentChangeSchema, answers: onDisk },
      refusals: [...refusals, "BLOCKED"],
    },
    async ({ context, caller, params: { id }, body: { content, mentions } }) => {
      countChange(caller);
      await messageChanges.edit(caller, id, content, mentions);
      return context.body(null, 204);
    },
  );

  endpoints.add(
    {
      ...{ method: "delete", path: "/api/messages/{id}", by: "actor", tag },
      operationId: "deleteMessage",
      summary: "Deletes a message for all: its sender, and in a group its owner and admins",
      ...{ params, answers: onDisk, refusals },
    },
    async ({ context, caller, params: { id } }) => {
      countChange(caller);
      await messageChanges.delete(caller, id);
      return context.body(null, 204);
    },
  );

  endpoints.add(
    {
      ...{ method: "put", path: "/api/messages/{id}/reaction", by: "actor", tag },
      operationId: "setReaction",
      summary: "The caller's reaction, in place of another",
      ...{ params, body: reactionSchema, answers: onDisk },
      refusals: [...refusals, "BLOCKED"],
    },
    async ({ context, caller, params: { id }, body: { emoji } }) => {
      countChange(caller);
      await messageChanges.react(caller, id, emoji);
      return context.body(null, 204);
    },
  );

  endpoints.add(
    {
      ...{ method: "delete", path: "/api/messages/{id}/reaction", by: "actor", tag },
      operationId: "removeReaction",
      summary: "Takes the caller's reaction back",
      ...{ params, answers: onDisk, refusals: [...refusals, "BLOCKED"] },
    },
    async ({ context, caller, params: { id } }) => {
      countChange(caller);
      await messageChanges.react(caller, id, null);
      return context.body(null, 204);
    },
  );

  for (const [method, isPinned] of [
    ["put", true],
    ["delete", false],
  ] as const) {
    endpoints.add(
      {
        ...{ method, path: "/api/messages/{id}/pin", by: "actor", tag },
        operationId: isPinned ? "pinMessage" : "unpinMessage",
        summary: isPinned
          ? "Pins a message: in a group its owner and admins"
          : "Pins a message no longer",
        ...{ params, answers: onDisk, refusals },
      },
      async ({ context, caller, params: { id } }) => {
        countChange(caller);
        await messageChanges.pin(caller, id, isPinned);
        return context.body(null, 204);
      },
    );
  }

  endpoints.add(
    {
      ...{ method: "get", path: "/api/messages/{id}/versions", by: "actor", tag },
      operationId: "listVersions",
      isConditional: true,
      summary: "What a message said before its edits",
      params,
      answers: { 200: { description: "The oldest first.", schema: VERSIONS } },
      refusals: ["MESSAGE_NOT_FOUND"],
    },
    async ({ context, caller, params: { id } }) => {
      const versions = await messageChanges.versions(caller, id);
      return answers.json(context, {
        versions: versions.map(({ content, replacedMs }) => ({
          ...{ content, replacedAt: isoTime(replacedMs) },
        })),
      });
    },
  );

  endpoints.add(
    {
      ...{ method: "get", path: "/api/conversations/{id}/pins", by: "actor", tag },
      operationId: "listPins",
      isConditional: true,
      summary: "The conversation's pinned messages",
      params: z.object({ id: idSchema }),
      answers: { 200: { description: "The one pinned last first.", schema: MESSAGES } },
      refusals: ["CONVERSATION_NOT_FOUND"],
    },
    async ({ context, caller, params: { id } }) => {
      const pinned = await store.pinned(id, LONGEST_PAGE);
      const conversation = entered(await chat.conversations.findFresh(id), id, caller);
      return answers.json(context, { messages: messagesFor(caller, pinned, conversation) });
    },
  );
}
