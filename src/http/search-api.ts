import { z } from "zod";
import { idSchema } from "../app/schemas.ts";
import type { Chat } from "../chat/chat.ts";
import type { MessageSearch } from "../chat/search.ts";
import { excerptOf, MOST_TERMS, parseTerms } from "../chat/search-text.ts";
import type { Clock } from "../clock.ts";
import type { TokenBuckets } from "../token-buckets.ts";
import { asUser } from "./acting.ts";
import type { Endpoints } from "./endpoint.ts";
import type { LargeAnswers } from "./large-answers.ts";
import { SEARCH_RESULTS } from "./schemas.ts";
import { messagesFor } from "./views.ts";

export interface SearchApiOptions {
  readonly chat: Pick<Chat, "conversations">;
  readonly search: MessageSearch;
  /** What each user may search. */
  readonly searches: TokenBuckets;
  readonly answers: LargeAnswers;
  readonly clock: Clock;
}

const LONGEST_TEXT = 256;
/** Each result may be of another conversation, which the server has to look up. */
const LONGEST_PAGE = 50;
/** Conversations that are looked up before others have their turn. */
const LOOKED_UP_TOGETHER = 8;

const timeSchema = z.iso
  .datetime({ offset: true })
  .transform((text) => Date.parse(text))
  .optional();

const searchSchema = z
  .object({
    q: z
      .string()
      .max(LONGEST_TEXT)
      .transform((text, context) => {
        const terms = parseTerms(text);
        if (terms !== null) return terms;
        context.addIssue({ code: "custom", message: `has 1 to ${MOST_TERMS} words` });
        return z.NEVER;
      })
      .describe(
        "Words, all of which are in the message, without regard to case and accents; in quotation marks, a phrase. The last word may be the beginning of one, of 3 characters at least.",
      ),
    conversation: idSchema.optional().describe("Only in this conversation."),
    sender: idSchema.optional().describe("Only messages of this user."),
    since: timeSchema.describe("Only what was sent then or later; ISO 8601."),
    until: timeSchema.describe("Only what was sent before."),
    order: z
      .enum(["newest", "relevance"])
      .default("newest")
      .describe("`relevance` orders the newest that are found, up to 100, and has one page."),
    cursor: z.string().max(64).optional().describe("`next` of the page before."),
    limit: z.coerce
      .number()
      .int()
      .min(1)
      .max(LONGEST_PAGE)
      .default(20)
      .describe("How many, at most."),
  })
  .refine(({ order, cursor }) => order === "newest" || cursor === undefined, {
    path: ["cursor"],
    message: "goes without order=relevance",
  });

/** What was said, by its words. */
export function searchEndpoints(
  endpoints: Endpoints,
  { chat, search, searches, answers, clock }: SearchApiOptions,
): void {
  endpoints.add(
    {
      ...{ method: "get", path: "/api/search", by: "actor", tag: "Messages" },
      operationId: "searchMessages",
      summary: "Finds messages in the caller's conversations by their words",
      query: searchSchema,
      answers: {
        200: {
          description:
            "A page of them, with a part of each text and, in it, where the words stand. It may have fewer than `limit`, or none, and a `next` all the same.",
          schema: SEARCH_RESULTS,
        },
      },
      refusals: ["RATE_LIMITED", "STORAGE_UNAVAILABLE"],
    },
    async ({ context, caller, query }) => {
      const { userId } = asUser(caller);
      searches.spend(userId, "searches of this user");
      const { hits, next } = await search.search({
        ...{ userId, terms: query.q, order: query.order, limit: query.limit },
        ...{ sinceMs: query.since ?? null, untilMs: query.until ?? null },
        ...{ conversationId: query.conversation ?? null, senderId: query.sender ?? null },
        ...{ after: query.cursor ?? null, nowMs: clock.now() },
      });
      const results: object[] = [];
      for (const [at, { message, ranges }] of hits.entries()) {
        if (at % LOOKED_UP_TOGETHER === LOOKED_UP_TOGETHER - 1) await nextTurn();
        const conversation = await chat.conversations.findFresh(message.conversationId);
        // Who has left is no member, though the disk does not know it yet.
        const [shown] = conversation ? messagesFor(caller, [message], conversation) : [];
        if (shown === undefined) continue;
        results.push({ message: shown, excerpt: excerptOf(message.content, ranges) });
      }
      // What somebody looked for is kept in no cache.
      return answers.text(context, JSON.stringify({ results, next }));
    },
  );
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
