import { z } from "zod";
import { postSchema } from "../app/message-schemas.ts";
import { idSchema } from "../app/schemas.ts";
import type { Actor } from "../chat/actor.ts";
import type { Chat } from "../chat/chat.ts";
import { messageStatusView } from "../chat/events.ts";
import type { NewMessage } from "../chat/new-message.ts";
import type { ChatStore } from "../chat/ports.ts";
import { messageNotFound } from "../chat/receipts.ts";
import { entered } from "../chat/roles.ts";
import type { SentMessage } from "../chat/stored-chats.ts";
import { AppError } from "../errors.ts";
import { asUser } from "./acting.ts";
import type { Endpoints } from "./endpoint.ts";
import type { LargeAnswers } from "./large-answers.ts";
import { limitSchema, wholeNumber } from "./pages.ts";
import { MESSAGE_STATUS, MESSAGES, SENT_MESSAGE } from "./schemas.ts";
import { isFor, messagesFor } from "./views.ts";

export interface MessagesApiOptions {
  readonly chat: Chat;
  readonly store: ChatStore;
  readonly answers: LargeAnswers;
}

const tag = "Messages";

const historySchema = z
  .object({
    before: wholeNumber
      .optional()
      .describe("Only messages with a `seq` below it: the last of them."),
    after: wholeNumber
      .optional()
      .describe("Only messages with a `seq` above it: the first of them."),
    around: wholeNumber
      .optional()
      .describe("The message with that `seq` in the middle; without `before` and `after`."),
    limit: limitSchema,
  })
  .refine(({ before, after, around }) => around === undefined || (before ?? after) === undefined, {
    path: ["around"],
    message: "goes without before and after",
  });

const repliesSchema = z.object({
  after: wholeNumber.default(0).describe("Only messages with a `seq` above it."),
  limit: limitSchema,
});

/** What was said, and how far it has come. */
export function messageEndpoints(
  endpoints: Endpoints,
  { chat, store, answers }: MessagesApiOptions,
): void {
  endpoints.add(
    {
      ...{ method: "get", path: "/api/conversations/{id}/messages", by: "actor", tag },
      operationId: "listMessages",
      isConditional: true,
      summary: "A page of history; without `before`, `after` and `around`, the end of it",
      ...{ params: z.object({ id: idSchema }), query: historySchema },
      answers: { 200: { description: "Ascending by `seq`.", schema: MESSAGES } },
      refusals: ["CONVERSATION_NOT_FOUND"],
    },
    async ({ context, caller, params: { id }, query: { around, ...page } }) => {
      const { members } = entered(await chat.conversations.findFresh(id), id, caller);
      const joinedSeq = members.get(caller.userId)?.joinedSeq ?? 0;
      const read = ({ before, after, limit }: Page) =>
        store.history({
          conversationId: id,
          beforeSeq: before,
          afterSeq: after === undefined ? undefined : Math.max(after, joinedSeq),
          limit,
        });
      const earlier = Math.floor(page.limit / 2);
      const messages =
        around === undefined
          ? await read(page)
          : [
              ...(await read({ before: around, limit: earlier })),
              ...(await read({ after: around - 1, limit: page.limit - earlier })),
            ];
      // Anew: the caller may have left while the store was read.
      const conversation = entered(await chat.conversations.findFresh(id), id, caller);
      return answers.json(context, { messages: messagesFor(caller, messages, conversation) });
    },
  );

  endpoints.add(
    {
      ...{ method: "post", path: "/api/conversations/{id}/messages", by: "actor", tag },
      operationId: "sendMessage",
      summary:
        "Sends a message; again with the same `clientMessageId`, the answer is about the first one",
      ...{ params: z.object({ id: idSchema }), body: postSchema },
      answers: { 201: { description: "It is on disk.", schema: SENT_MESSAGE } },
      isIdempotentByKey: true,
      refusals: [
        ...(["CONVERSATION_NOT_FOUND", "BLOCKED", "STORAGE_UNAVAILABLE"] as const),
        ...(["ATTACHMENT_NOT_FOUND", "ATTACHMENT_IN_USE"] as const),
      ],
    },
    async ({ context, caller, params: { id }, body, idempotencyKey }) => {
      const type = body.type ?? "TEXT";
      const clientMessageId = body.clientMessageId ?? idempotencyKey;
      const message = { ...body, type, conversationId: id, clientMessageId };
      const kept = await sent(chat, caller, message);
      if (kept.conversationId !== id) {
        const text = "clientMessageId: stands for a message of another conversation";
        throw new AppError("VALIDATION_FAILED", text);
      }
      return context.json(sentView(kept), 201);
    },
  );

  endpoints.add(
    {
      ...{ method: "post", path: "/api/messages/{id}/read", by: "actor", tag },
      operationId: "markRead",
      summary: "The caller has read a message and all before it in its conversation",
      params: z.object({ id: z.string() }),
      answers: { 204: { description: "The read mark is on disk." } },
      refusals: ["MESSAGE_NOT_FOUND", "STORAGE_UNAVAILABLE"],
    },
    async ({ context, caller, params: { id } }) => {
      const { userId } = asUser(caller);
      chat.readRate.spend(userId, "read marks");
      await chat.changes.durable(await chat.receipts.read(userId, id, null));
      return context.body(null, 204);
    },
  );

  endpoints.add(
    {
      ...{ method: "get", path: "/api/messages/{id}/replies", by: "actor", tag },
      operationId: "listReplies",
      isConditional: true,
      summary: "The messages that answer a message",
      ...{ params: z.object({ id: z.string() }), query: repliesSchema },
      answers: { 200: { description: "Ascending by `seq`.", schema: MESSAGES } },
      refusals: ["MESSAGE_NOT_FOUND"],
    },
    async ({ context, caller, params: { id }, query: { after, limit } }) => {
      const message = await store.messageById(id);
      const replies = message && (await store.replies(id, after, limit));
      const conversation = message && (await chat.conversations.findFresh(message.conversationId));
      if (!message || !replies || !conversation || !isFor(caller, conversation, message.seq)) {
        throw messageNotFound(id);
      }
      return answers.json(context, { messages: messagesFor(caller, replies, conversation) });
    },
  );

  endpoints.add(
    {
      ...{ method: "get", path: "/api/messages/{id}/status", by: "actor", tag },
      operationId: "getMessageStatus",
      isConditional: true,
      summary: "How far a message has come with each member",
      params: z.object({ id: z.string() }),
      answers: { 200: { description: "What is on disk.", schema: MESSAGE_STATUS } },
      refusals: ["MESSAGE_NOT_FOUND"],
    },
    async ({ context, caller, params: { id } }) => {
      const message = await store.messageById(id);
      // From the store: what is told here once is not taken back by a crash.
      const stored = message && (await store.conversation(message.conversationId));
      if (!message || !stored) throw messageNotFound(id);
      const conversation = await chat.conversations.findFresh(stored.id);
      if (!conversation || !isFor(caller, conversation, message.seq)) throw messageNotFound(id);
      return answers.json(context, messageStatusView(message, stored));
    },
  );
}

interface Page {
  readonly before?: number | undefined;
  readonly after?: number | undefined;
  readonly limit: number;
}

/** Resolves with what is on disk. */
function sent(chat: Chat, sender: Actor, message: NewMessage): Promise<SentMessage> {
  return new Promise((resolve, reject) => {
    const taken = chat.messages.send(sender, message, null, (error, kept) => {
      if (kept === null) reject(error);
      else resolve(kept);
    });
    if (taken instanceof Promise) taken.catch(reject);
  });
}

function sentView({ id, conversationId, seq, clientMessageId, recipientId }: SentMessage) {
  return {
    ...{ id, conversationId, seq },
    clientMessageId: clientMessageId ?? undefined,
    recipientId: recipientId ?? undefined,
  };
}
