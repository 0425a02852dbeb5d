import { z } from "zod";
import { idSchema } from "../app/schemas.ts";
import type { Actor } from "../chat/actor.ts";
import type { Chat } from "../chat/chat.ts";
import type { Endpoints } from "./endpoint.ts";
import type { LargeAnswers } from "./large-answers.ts";
import { USER_IDS } from "./schemas.ts";

export interface BlocksApiOptions {
  readonly chat: Pick<Chat, "blocks">;
  readonly answers: LargeAnswers;
  /** Counts a change by the actor. Throws RATE_LIMITED. */
  readonly countChange: (actor: Actor) => void;
}

const tag = "Blocks";
const params = z.object({ userId: idSchema });

/** Whom the caller blocks. A change is answered when it is on disk, and counts as a message does. */
export function blockEndpoints(
  endpoints: Endpoints,
  { chat: { blocks }, answers, countChange }: BlocksApiOptions,
): void {
  endpoints.add(
    {
      ...{ method: "get", path: "/api/blocks", by: "user", tag },
      operationId: "listBlocks",
      isConditional: true,
      summary: "Whom the caller blocks",
      answers: { 200: { description: "In the order of their blocking.", schema: USER_IDS } },
    },
    ({ context, caller: { userId } }) => answers.json(context, { userIds: blocks.of(userId) }),
  );

  endpoints.add(
    {
      ...{ method: "put", path: "/api/blocks/{userId}", by: "user", tag },
      operationId: "blockUser",
      summary: "Blocks a user: neither writes to the other any more",
      params,
      answers: { 204: { description: "It is on disk." } },
      refusals: ["TOO_MANY_BLOCKS", "STORAGE_UNAVAILABLE"],
    },
    async ({ context, caller, params: { userId } }) => {
      countChange(caller);
      await blocks.block(caller.userId, userId);
      return context.body(null, 204);
    },
  );

  endpoints.add(
    {
      ...{ method: "delete", path: "/api/blocks/{userId}", by: "user", tag },
      operationId: "unblockUser",
      summary: "Blocks a user no longer",
      params,
      answers: { 204: { description: "It is on disk." } },
      refusals: ["STORAGE_UNAVAILABLE"],
    },
    async ({ context, caller, params: { userId } }) => {
      countChange(caller);
      await blocks.unblock(caller.userId, userId);
      return context.body(null, 204);
    },
  );
}
