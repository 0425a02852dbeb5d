import type { Context, Hono } from "hono";
import { z } from "zod";
import { idSchema, validate } from "../app/schemas.ts";
import type { Membership } from "../chat/membership.ts";
import type { ApiEnvironment } from "./api.ts";
import { jsonBody } from "./json-body.ts";

export interface MembershipApiOptions {
  readonly membership: Membership;
  /** Throws unless the request has an API key. */
  readonly assertServer: (context: Context<ApiEnvironment>) => void;
}

const groupSchema = z.object({
  id: idSchema.nullish(),
  memberIds: z.array(idSchema).min(1),
});

/** Who belongs to which conversation: for the app's back end alone. Answers when it is on disk. */
export function membershipRoutes(
  api: Hono<ApiEnvironment>,
  { membership, assertServer }: MembershipApiOptions,
): void {
  const member = (context: Context<ApiEnvironment>) => ({
    conversationId: validate(idSchema, context.req.param("id")),
    userId: validate(idSchema, context.req.param("userId")),
  });

  api.post("/api/conversations", async (context) => {
    assertServer(context);
    const { id, memberIds } = await jsonBody(context, groupSchema);
    const { isNew, ...group } = await membership.create(id ?? null, memberIds);
    return context.json({ ...group, kind: "group" }, isNew ? 201 : 200);
  });

  api.put("/api/conversations/:id/members/:userId", async (context) => {
    assertServer(context);
    const { conversationId, userId } = member(context);
    await membership.add(conversationId, userId);
    return context.body(null, 204);
  });

  api.delete("/api/conversations/:id/members/:userId", async (context) => {
    assertServer(context);
    const { conversationId, userId } = member(context);
    await membership.remove(conversationId, userId);
    return context.body(null, 204);
  });
}
