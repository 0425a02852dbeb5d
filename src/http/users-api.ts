import { z } from "zod";
import { userProfileSchema } from "../app/profile-schemas.ts";
import { idSchema } from "../app/schemas.ts";
import { type Actor, SYSTEM } from "../chat/actor.ts";
import type { Chat } from "../chat/chat.ts";
import { userNotFound } from "../chat/users.ts";
import { AppError } from "../errors.ts";
import type { Endpoints } from "./endpoint.ts";
import type { LargeAnswers } from "./large-answers.ts";
import { idListSchema, limitSchema } from "./pages.ts";
import { ERASURE, USER, USERS } from "./schemas.ts";
import type { UserExports } from "./user-export.ts";
import { erasureView, userView } from "./views.ts";

export interface UsersApiOptions {
  readonly chat: Pick<Chat, "users" | "erasures">;
  readonly exports: UserExports;
  readonly answers: LargeAnswers;
  /** Counts a change by the actor. Throws RATE_LIMITED. */
  readonly countChange: (actor: Actor) => void;
}

const tag = "Users";
const params = z.object({ id: idSchema });
const MOST_USERS = 100;

const listSchema = z.object({
  ids: idListSchema(MOST_USERS)
    .optional()
    .describe("With commas between them; without it, all who are known, for the back end alone."),
  cursor: idSchema.optional().describe("`next` of the page before."),
  limit: limitSchema,
});

const erasureSchema = z.object({
  messages: z
    .enum(["erase", "keep"])
    .default("erase")
    .describe("What becomes of what they said; kept, it stays without their name."),
});

/** Who users are to others, and their going for good. Changes are answered when they are on disk. */
export function userEndpoints(
  endpoints: Endpoints,
  { chat: { users, erasures }, exports, answers, countChange }: UsersApiOptions,
): void {
  endpoints.add(
    {
      ...{ method: "get", path: "/api/users", by: "actor", tag },
      operationId: "listUsers",
      isConditional: true,
      summary:
        "Profiles of users who share a conversation with the caller; for the back end, of all",
      query: listSchema,
      answers: { 200: { description: "Those who are known, ascending by id.", schema: USERS } },
      refusals: ["NOT_PERMITTED"],
    },
    async ({ context, caller, query: { ids, cursor, limit } }) => {
      if (ids !== undefined) {
        const found = await users.known(caller, ids);
        const sorted = found.toSorted((a, b) => (a.userId < b.userId ? -1 : 1));
        const views = sorted.map((user) => userView(caller, user));
        return answers.json(context, { users: views, next: null });
      }
      if (caller !== SYSTEM) {
        throw new AppError("NOT_PERMITTED", "The list of all users is for the app's back end");
      }
      const found = await users.list(cursor ?? null, limit + 1);
      const page = found.slice(0, limit);
      const next = found.length > limit ? (page.at(-1)?.userId ?? null) : null;
      return answers.json(context, { users: page.map((user) => userView(caller, user)), next });
    },
  );

  endpoints.add(
    {
      ...{ method: "get", path: "/api/users/{id}", by: "actor", tag },
      operationId: "getUser",
      isConditional: true,
      summary: "A user's profile: one's own, or of somebody with whom one shares a conversation",
      params,
      answers: { 200: { description: "As it is.", schema: USER } },
      refusals: ["USER_NOT_FOUND"],
    },
    async ({ context, caller, params: { id } }) => {
      const [user] = await users.known(caller, [id]);
      if (user === undefined) throw userNotFound(id);
      return answers.json(context, userView(caller, user));
    },
  );

  endpoints.add(
    {
      ...{ method: "put", path: "/api/users/{id}", by: "server", tag },
      operationId: "putUser",
      summary: "Makes a user known with this profile, or puts it in place of theirs",
      ...{ params, body: userProfileSchema },
      answers: { 200: { description: "As it is now, on disk.", schema: USER } },
      refusals: ["USER_BEING_ERASED", "USER_NOT_FOUND", "STORAGE_UNAVAILABLE"],
    },
    async ({ context, params: { id }, body: { name = null, picture = null } }) => {
      const user = await users.change(SYSTEM, id, { name, picture });
      return context.json(userView(SYSTEM, user));
    },
  );

  endpoints.add(
    {
      ...{ method: "patch", path: "/api/users/{id}", by: "actor", tag },
      operationId: "updateUser",
      summary: "Changes a profile: one's own, or for the back end anybody's",
      ...{ params, body: userProfileSchema },
      answers: {
        200: { description: "As it is now, on disk; what was not named stays.", schema: USER },
      },
      refusals: ["NOT_PERMITTED", "USER_NOT_FOUND", "STORAGE_UNAVAILABLE"],
    },
    async ({ context, caller, params: { id }, body }) => {
      countChange(caller);
      return context.json(userView(caller, await users.change(caller, id, body)));
    },
  );

  endpoints.add(
    {
      ...{ method: "delete", path: "/api/users/{id}", by: "actor", tag },
      operationId: "removeUser",
      summary: "Removes a user for good: oneself, or for the back end anybody",
      ...{ params, query: erasureSchema },
      answers: {
        202: {
          description: "It will be done, also after a crash; it is on disk.",
          schema: ERASURE,
        },
      },
      refusals: ["NOT_PERMITTED", "STORAGE_UNAVAILABLE"],
    },
    async ({ context, caller, params: { id }, query: { messages } }) => {
      countChange(caller);
      const erasure = await erasures.request(caller, id, messages === "keep");
      return context.json(erasureView(erasure), 202);
    },
  );

  endpoints.add(
    {
      ...{ method: "get", path: "/api/users/{id}/erasure", by: "server", tag },
      operationId: "getErasure",
      summary: "How far the removal of a user has come",
      params,
      answers: { 200: { description: "The last one that was asked for.", schema: ERASURE } },
      refusals: ["USER_NOT_FOUND"],
    },
    async ({ context, params: { id } }) => {
      const erasure = await erasures.of(id);
      if (erasure === null) throw new AppError("USER_NOT_FOUND", `Nobody asked to remove ${id}`);
      return context.json(erasureView(erasure));
    },
  );

  endpoints.add(
    {
      ...{ method: "get", path: "/api/users/{id}/export", by: "actor", tag },
      operationId: "exportUser",
      summary: "Everything that is kept of a user: oneself, or for the back end anybody",
      params,
      answers: {
        200: {
          description:
            "JSON documents, one a line; `kind` says what each is, and the last is `end`.",
          isLines: true,
        },
      },
      refusals: ["NOT_PERMITTED"],
    },
    ({ context, caller, params: { id } }) => {
      if (caller !== SYSTEM && caller.userId !== id) {
        throw new AppError(
          "NOT_PERMITTED",
          "Only users themselves, and the back end, export a user",
        );
      }
      countChange(caller);
      return exports.answer(context, id);
    },
  );
}
