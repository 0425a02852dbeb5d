import { z } from "zod";
import { SYSTEM } from "../chat/actor.ts";
import type { Chat } from "../chat/chat.ts";
import type { Endpoints } from "./endpoint.ts";
import { idListSchema, LONGEST_PAGE, limitSchema } from "./pages.ts";
import { PRESENCES } from "./schemas.ts";
import { presenceView } from "./views.ts";

const presenceSchema = z.object({
  users: idListSchema(LONGEST_PAGE)
    .optional()
    .describe("Ids with commas between them; without it, those who are there."),
  limit: limitSchema,
});

/** Who is there. */
export function presenceEndpoints(
  endpoints: Endpoints,
  { chat }: { readonly chat: Pick<Chat, "presence" | "visibility"> },
): void {
  endpoints.add(
    {
      ...{ method: "get", path: "/api/presence", by: "actor", tag: "Presence" },
      operationId: "listPresence",
      summary: "Who is there, and when they were last seen, of those whom the caller may see",
      query: presenceSchema,
      answers: { 200: { description: "Those who are known.", schema: PRESENCES } },
    },
    async ({ context, caller, query: { users, limit } }) => {
      const isVisible =
        caller === SYSTEM ? () => true : await chat.visibility.viewOf(caller.userId);
      const found =
        users === undefined
          ? chat.presence.online(limit, isVisible)
          : await chat.presence.of(users.filter(isVisible));
      return context.json({ users: found.map(presenceView) });
    },
  );
}
