import { z } from "zod";
import type { ChatApplication } from "../app/chat-application.ts";
import { idSchema } from "../app/schemas.ts";
import type { Revocations } from "../auth/revocations.ts";
import { AppError } from "../errors.ts";
import type { Endpoints } from "./endpoint.ts";
import { ENDED } from "./schemas.ts";

export interface ServerApiOptions {
  readonly application: ChatApplication;
  readonly revocations: Revocations;
}

const tag = "Back end";
const ofUser = z.object({ id: idSchema });
const ofToken = z.object({ id: z.string().min(1).max(256).describe("The token's `jti`.") });

const revocationSchema = z.object({
  expiresAt: z.iso
    .datetime({ offset: true })
    .transform((text) => Date.parse(text))
    .nullish()
    .describe("When the token ends by itself: until then this is remembered."),
});

/** What the app's back end does with an API key: ends connections, and takes tokens back. */
export function serverEndpoints(
  endpoints: Endpoints,
  { application, revocations }: ServerApiOptions,
): void {
  // They may come back at once: their tokens still hold.
  endpoints.add(
    {
      ...{ method: "post", path: "/api/users/{id}/disconnect", by: "server", tag },
      summary: "Ends a user's connections",
      params: ofUser,
      answers: { 200: { description: "They are ended.", schema: ENDED } },
    },
    ({ context, params: { id } }) => {
      const error = new AppError("DISCONNECTED", "The connection was ended by the application");
      return context.json({ connections: application.disconnect(id, error) });
    },
  );

  endpoints.add(
    {
      ...{ method: "post", path: "/api/users/{id}/revoke", by: "server", tag },
      summary: "Takes back all tokens issued to a user so far, and ends their connections",
      params: ofUser,
      answers: { 200: { description: "It is on disk.", schema: ENDED } },
      refusals: ["STORAGE_UNAVAILABLE"],
    },
    async ({ context, params: { id } }) => {
      const durable = revocations.revokeUser(id);
      const connections = application.endRevoked();
      await durable;
      return context.json({ connections });
    },
  );

  endpoints.add(
    {
      ...{ method: "post", path: "/api/tokens/{id}/revoke", by: "server", tag },
      summary: "Takes back a token, and ends its connections",
      ...{ params: ofToken, body: revocationSchema },
      answers: { 200: { description: "It is on disk.", schema: ENDED } },
      refusals: ["STORAGE_UNAVAILABLE"],
    },
    async ({ context, params: { id }, body: { expiresAt } }) => {
      const durable = revocations.revokeToken(id, expiresAt ?? null);
      const connections = application.endRevoked();
      await durable;
      return context.json({ connections });
    },
  );
}
