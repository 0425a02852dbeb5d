import { z } from "zod";
import { idSchema } from "../app/schemas.ts";
import type { Chat } from "../chat/chat.ts";
import { messageStatusView, messageView, statusFor } from "../chat/events.ts";
import type { ChatStore } from "../chat/ports.ts";
import { messageNotFound } from "../chat/receipts.ts";
import type { Endpoints } from "./endpoint.ts";
import type { LargeAnswers } from "./large-answers.ts";
import { limitSchema, wholeNumber } from "./pages.ts";
import { HISTORY, MESSAGE_STATUS } from "./schemas.ts";

export interface MessagesApiOptions {
  readonly chat: Chat;
  readonly store: ChatStore;
  readonly answers: LargeAnswers;
}

const tag = "Messages";

const historySchema = z.object({
  before: wholeNumber.optional().describe("Only messages with a `seq` below it: the last of them."),
  after: wholeNumber.optional().describe("Only messages with a `seq` above it: the first of them."),
  limit: limitSchema,
});

/** What was said, and how far it has come. */
export function messageEndpoints(
  endpoints: Endpoints,
  { chat, store, answers }: MessagesApiOptions,
): void {
  endpoints.add(
    {
      ...{ method: "get", path: "/api/conversations/{id}/messages", by: "user", tag },
      summary: "A page of history; without `before` and `after`, the end of it",
      ...{ params: z.object({ id: idSchema }), query: historySchema },
      answers: { 200: { description: "Ascending by `seq`.", schema: HISTORY } },
      refusals: ["CONVERSATION_NOT_FOUND"],
    },
    async ({ context, caller: { userId }, params: { id }, query: { before, after, limit } }) => {
      const { members } = await chat.conversations.findFor(userId, id);
      const joinedSeq = members.get(userId)?.joinedSeq ?? 0;
      const messages = await store.history({
        conversationId: id,
        beforeSeq: before,
        afterSeq: after === undefined ? undefined : Math.max(after, joinedSeq),
        limit,
      });
      // Anew: the caller may have left while the store was read.
      const conversation = await chat.conversations.findFor(userId, id);
      return answers.json(context, {
        messages: messages
          .filter(({ seq }) => conversation.isFor(userId, seq))
          .map((message) => messageView(message, statusFor(userId, message, conversation))),
      });
    },
  );

  endpoints.add(
    {
      ...{ method: "get", path: "/api/messages/{id}/status", by: "user", tag },
      summary: "How far a message has come with each member",
      params: z.object({ id: z.string() }),
      answers: { 200: { description: "What is on disk.", schema: MESSAGE_STATUS } },
      refusals: ["MESSAGE_NOT_FOUND"],
    },
    async ({ context, caller: { userId }, params: { id } }) => {
      const message = await store.messageById(id);
      // From the store: what is told here once is not taken back by a crash.
      const stored = message && (await store.conversation(message.conversationId));
      if (!message || !stored) throw messageNotFound(id);
      const conversation = await chat.conversations.find(stored.id);
      if (!conversation?.isFor(userId, message.seq)) throw messageNotFound(id);
      return context.json(messageStatusView(message, stored));
    },
  );
}
