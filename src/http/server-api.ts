import type { Context, Hono } from "hono";
import { z } from "zod";
import type { ChatApplication } from "../app/chat-application.ts";
import { idSchema, validate } from "../app/schemas.ts";
import type { Revocations } from "../auth/revocations.ts";
import { AppError } from "../errors.ts";
import type { ApiEnvironment } from "./api.ts";
import { jsonBody } from "./json-body.ts";

export interface ServerApiOptions {
  readonly application: ChatApplication;
  readonly revocations: Revocations;
  /** Throws unless the request has an API key. */
  readonly assertServer: (context: Context<ApiEnvironment>) => void;
}

const tokenIdSchema = z.string().min(1).max(256);

const revocationSchema = z.object({
  /** When the token ends by itself. */
  expiresAt: z.iso
    .datetime({ offset: true })
    .transform((text) => Date.parse(text))
    .nullish(),
});

/** What the app's back end does with an API key: ends connections, and takes tokens back. */
export function serverRoutes(api: Hono<ApiEnvironment>, options: ServerApiOptions): void {
  const { application, revocations, assertServer } = options;

  // They may come back at once: their tokens still hold.
  api.post("/api/users/:id/disconnect", (context) => {
    assertServer(context);
    const userId = validate(idSchema, context.req.param("id"));
    const error = new AppError("DISCONNECTED", "The connection was ended by the application");
    return context.json({ connections: application.disconnect(userId, error) });
  });

  api.post("/api/users/:id/revoke", async (context) => {
    assertServer(context);
    const userId = validate(idSchema, context.req.param("id"));
    const durable = revocations.revokeUser(userId);
    const connections = application.endRevoked();
    await durable;
    return context.json({ connections });
  });

  api.post("/api/tokens/:id/revoke", async (context) => {
    assertServer(context);
    const tokenId = validate(tokenIdSchema, context.req.param("id"));
    const { expiresAt } = await jsonBody(context, revocationSchema);
    const durable = revocations.revokeToken(tokenId, expiresAt ?? null);
    const connections = application.endRevoked();
    await durable;
    return context.json({ connections });
  });
}
