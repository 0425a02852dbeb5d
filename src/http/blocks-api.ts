import type { Context, Hono } from "hono";
import { idSchema, validate } from "../app/schemas.ts";
import type { Principal } from "../auth/principal.ts";
import type { Chat } from "../chat/chat.ts";
import type { ApiEnvironment } from "./api.ts";
import type { LargeAnswers } from "./large-answers.ts";

export interface BlocksApiOptions {
  readonly chat: Pick<Chat, "blocks" | "messageRate">;
  readonly answers: LargeAnswers;
  readonly caller: (context: Context<ApiEnvironment>) => Promise<Principal>;
}

/** Whom the caller blocks. A change is answered when it is on disk, and counts as a message does. */
export function blockRoutes(
  api: Hono<ApiEnvironment>,
  { chat: { blocks, messageRate }, caller, answers }: BlocksApiOptions,
): void {
  const change = async (context: Context<ApiEnvironment>) => {
    const { userId } = await caller(context);
    messageRate.spend(userId, "changes of this user");
    return { userId, otherId: validate(idSchema, context.req.param("userId")) };
  };

  api.get("/api/blocks", async (context) => {
    const { userId } = await caller(context);
    return answers.json(context, { userIds: blocks.of(userId) });
  });

  api.put("/api/blocks/:userId", async (context) => {
    const { userId, otherId } = await change(context);
    await blocks.block(userId, otherId);
    return context.body(null, 204);
  });

  api.delete("/api/blocks/:userId", async (context) => {
    const { userId, otherId } = await change(context);
    await blocks.unblock(userId, otherId);
    return context.body(null, 204);
  });
}
