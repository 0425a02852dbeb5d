import { z } from "zod";
import { AppError } from "../errors.ts";
import type { WebhookReplay } from "../notify/webhook-replay.ts";
import type { Endpoints } from "./endpoint.ts";

export interface WebhooksApiOptions {
  /** null: nobody is told of events. */
  readonly replay: Pick<WebhookReplay, "add"> | null;
}

const replaySchema = z
  .object({
    from: z.iso
      .datetime({ offset: true })
      .transform((text) => Date.parse(text))
      .describe("Messages of that time and later are told anew."),
    after: z.uuid().nullish().describe("`next` of the answer before; without it, the first part."),
  })
  .meta({ id: "WebhookReplay" });

const REPLAYED_EVENTS = z
  .object({
    events: z.int().describe("How many were added."),
    next: z
      .string()
      .nullable()
      .describe("The `after` of the next request; null: there are no more."),
  })
  .meta({ id: "ReplayedEvents" });

/** Events for the app's back end, by which it hears of what happens. */
export function webhookEndpoints(endpoints: Endpoints, { replay }: WebhooksApiOptions): void {
  endpoints.add(
    {
      ...{ method: "post", path: "/api/webhooks/replay", by: "server", tag: "Back end" },
      operationId: "replayWebhooks",
      summary: "Tells the event webhook anew of messages, some thousands a request",
      body: replaySchema,
      answers: { 200: { description: "They are due, on disk.", schema: REPLAYED_EVENTS } },
      refusals: ["NO_EVENT_WEBHOOK", "STORAGE_UNAVAILABLE"],
    },
    async ({ context, body: { from, after } }) => {
      if (replay === null) {
        throw new AppError("NO_EVENT_WEBHOOK", "There is no event_webhook.url to tell of messages");
      }
      const time = context.env.takeTime();
      try {
        const { count, next } = await replay.add(from, after ?? null);
        return context.json({ events: count, next });
      } finally {
        time.done();
      }
    },
  );
}
