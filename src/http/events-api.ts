import { z } from "zod";
import { idSchema, validate } from "../app/schemas.ts";
import { EVENTS_PATH, parseEventCursor } from "../transport/event-cursor.ts";
import type { EventEndpoint } from "../transport/event-endpoint.ts";
import { STREAM_HEADERS } from "../transport/event-stream.ts";
import type { OriginPolicy } from "../transport/origin.ts";
import { refuseForgedListening } from "./csrf.ts";
import type { Endpoints } from "./endpoint.ts";
import type { LargeAnswers } from "./large-answers.ts";
import { EVENTS } from "./schemas.ts";

export interface EventsApiOptions {
  readonly events: EventEndpoint;
  readonly answers: LargeAnswers;
  readonly origins: OriginPolicy;
}

/** A proxy may end a request that is silent for longer. */
const MOST_WAIT_SECONDS = 60;
/** Conversations whose typing is listened to. */
const MOST_TYPING = 64;

const cursorSchema = z
  .string()
  .max(128)
  .transform((text, context) => {
    const cursor = parseEventCursor(text);
    if (cursor !== null) return cursor;
    context.addIssue({ code: "custom", message: "is not one that this server gave" });
    return z.NEVER;
  });

const eventsSchema = z.object({
  wait: z.coerce
    .number()
    .int()
    .min(0)
    .max(MOST_WAIT_SECONDS)
    .optional()
    .describe(
      "Seconds that the answer may wait for an event; 0: it does not. Without it, the answer is a stream.",
    ),
  cursor: cursorSchema
    .optional()
    .describe("As the last answer gave it, or the `id` of a stream's last event."),
  presence: z
    .enum(["true", "false"])
    .default("false")
    .transform((text) => text === "true")
    .describe("Tell also of the presence of others."),
  typing: z
    .string()
    .transform((text) => text.split(",").filter((id) => id !== ""))
    .pipe(z.array(idSchema).max(MOST_TYPING))
    .default([])
    .describe("Tell also who is typing in these conversations: ids with commas between them."),
});

const NOWHERE = { position: null, mailbox: null } as const;

/** What happens, as it happens, for clients that speak plain HTTP. */
export function eventEndpoints(
  endpoints: Endpoints,
  { events, answers, origins }: EventsApiOptions,
): void {
  endpoints.add(
    {
      ...{ method: "get", path: EVENTS_PATH, by: "user", tag: "Events" },
      summary: "What is for the user, as it happens: a stream, or by polling with `wait`",
      query: eventsSchema,
      answers: {
        200: {
          description:
            "A stream of server-sent events (`message`, `confirmation`, `receipt`, `error`, `profile`, `notice`, `presence`, `typing`, and `ready` when all that was missed has been sent), resumed by `Last-Event-ID`; or, with `wait`, those that there are.",
          schema: EVENTS,
          isStream: true,
        },
      },
      refusals: ["TOO_MANY_CONNECTIONS", "SHUTTING_DOWN", "CSRF_REJECTED"],
    },
    async ({ context, caller, query: { wait, cursor, presence, typing } }) => {
      const { env, req } = context;
      refuseForgedListening(req.raw, caller, origins);
      // What asks for the head alone gets no connection.
      if (req.method === "HEAD") return new Response(null, { headers: STREAM_HEADERS });
      const { signal } = req.raw;
      const lastEventId = req.header("last-event-id");
      const known = lastEventId === undefined ? cursor : validate(cursorSchema, lastEventId);
      const request = {
        ...{ principal: caller, remote: env.remote, signal, topics: { presence, typing } },
        cursor: known ?? NOWHERE,
      };
      // Heart-beats see to a response that is idle; what is set for it would stay with the connection.
      const time = env.takeTime();
      const ended = () => time.done();
      try {
        if (wait === undefined) return events.stream(request, ended);
        const polled = await events.poll(request, wait * 1_000);
        const { cursor: next, events: bodies } = polled;
        ended();
        return answers.text(context, `{"events":[${bodies.join(",")}],"cursor":"${next}"}`);
      } catch (fault) {
        ended();
        throw fault;
      }
    },
  );
}
