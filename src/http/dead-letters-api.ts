import { z } from "zod";
import { isoTime } from "../clock.ts";
import type { DeadLetters } from "../notify/dead-letters.ts";
import type { DeadLetter } from "../notify/ports.ts";
import type { Endpoints } from "./endpoint.ts";
import { CHOSEN_LETTERS, DEAD_LETTERS, REPLAYED } from "./notification-schemas.ts";
import { limitSchema } from "./pages.ts";

export interface DeadLettersApiOptions {
  /** null: nothing is sent, and there are none. */
  readonly deadLetters: DeadLetters | null;
}

const tag = "Back end";
const path = "/api/notifications/dead-letters";

/** What could not be sent to users who are away, or to webhooks: for the app's back end. */
export function deadLetterEndpoints(
  endpoints: Endpoints,
  { deadLetters }: DeadLettersApiOptions,
): void {
  endpoints.add(
    {
      ...{ method: "get", path, by: "server", tag },
      operationId: "listDeadLetters",
      summary: "What could not be sent",
      query: z.object({
        after: z.uuid().optional().describe("`next` of the page before."),
        limit: limitSchema,
      }),
      answers: { 200: { description: "The oldest first.", schema: DEAD_LETTERS } },
    },
    async ({ context, query: { after, limit } }) => {
      const found = (await deadLetters?.list(after ?? null, limit + 1)) ?? [];
      const page = found.slice(0, limit);
      const next = found.length > limit ? (page.at(-1)?.id ?? null) : null;
      return context.json({ deadLetters: page.map(letterView), next });
    },
  );

  endpoints.add(
    {
      ...{ method: "post", path: `${path}/replay`, by: "server", tag },
      operationId: "replayDeadLetters",
      summary: "Sends what could not be sent, as if nothing had failed",
      body: CHOSEN_LETTERS,
      answers: { 200: { description: "They are due, on disk.", schema: REPLAYED } },
      refusals: ["STORAGE_UNAVAILABLE"],
    },
    async ({ context, body }) => {
      const time = context.env.takeTime();
      try {
        return context.json({ replayed: (await deadLetters?.replay(body)) ?? 0 });
      } finally {
        time.done();
      }
    },
  );

  endpoints.add(
    {
      ...{ method: "delete", path, by: "server", tag },
      operationId: "forgetDeadLetters",
      summary: "Gives up what could not be sent",
      body: CHOSEN_LETTERS,
      answers: { 204: { description: "They are gone, on disk." } },
      refusals: ["STORAGE_UNAVAILABLE"],
    },
    async ({ context, body }) => {
      const time = context.env.takeTime();
      try {
        await deadLetters?.forget(body);
        return context.body(null, 204);
      } finally {
        time.done();
      }
    },
  );
}

function letterView({ diedMs, ...letter }: DeadLetter) {
  const { id, channel, userId, targetId, conversationId, seq, eventId, eventType } = letter;
  return {
    ...{ id, channel, userId, targetId, conversationId, seq, eventId, eventType },
    ...{ attempts: letter.attempts, reason: letter.reason, diedAt: isoTime(diedMs) },
  };
}
