import { z } from "zod";
import type { ChatApplication } from "../app/chat-application.ts";
import { disconnectedByApp, type NodeChanges } from "../app/node-changes.ts";
import type { NoticePublisher } from "../app/notice-publisher.ts";
import { idSchema } from "../app/schemas.ts";
import type { TopicPublisher } from "../app/topic-publisher.ts";
import type { Revocations } from "../auth/revocations.ts";
import type { Chat } from "../chat/chat.ts";
import { isoTime } from "../clock.ts";
import type { NodeInfo } from "../nodes/node-info.ts";
import type { FailingServer } from "../notify/notice-servers.ts";
import type { Endpoints } from "./endpoint.ts";
import type { HealthSource } from "./health.ts";
import { ENDED, MOST_FAILING, REACHED, STATS } from "./schemas.ts";

export interface ServerApiOptions {
  readonly application: ChatApplication;
  readonly revocations: Revocations;
  readonly topics: TopicPublisher;
  readonly notices: NoticePublisher;
  /** null: no other node shares the database. */
  readonly nodeChanges: Pick<NodeChanges, "disconnected"> | null;
  readonly health: HealthSource;
  readonly nodes: () => readonly NodeInfo[];
  readonly chat: Pick<Chat, "journal">;
  /** Of those by which users who are away, and webhooks, are told: see `NotificationsSource`. */
  readonly failing: () => readonly FailingServer[];
  readonly version: string;
}

const tag = "Back end";
const ofUser = z.object({ id: idSchema });
const ofToken = z.object({ id: z.string().min(1).max(256).describe("The token's `jti`.") });

const revocationSchema = z
  .object({
    expiresAt: z.iso
      .datetime({ offset: true })
      .transform((text) => Date.parse(text))
      .nullish()
      .describe("When the token ends by itself: until then this is remembered."),
  })
  .meta({ id: "Revocation" });

const publication = {
  body: z.string().describe("As it is sent to the subscribers."),
  contentType: z
    .string()
    .regex(/^[\x21-\x7e ]{1,128}$/, "must be a media type")
    .default("application/json"),
};

const publicationSchema = z
  .object({
    topic: z.string().max(1_024).describe("`/topic/…`, none of the server's own."),
    ...publication,
  })
  .meta({ id: "Publication" });

const MOST_ADDRESSED = 10_000;

const broadcastSchema = z
  .object({
    userIds: z
      .union([z.array(idSchema).max(MOST_ADDRESSED), z.literal("online")])
      .describe("To whom; `online`: to everybody who is connected."),
    ...publication,
  })
  .meta({ id: "Broadcast" });

/**
 * What the app's back end does with an API key: ends connections, takes tokens back, speaks on topics,
 * and looks at how the server is.
 */
export function serverEndpoints(endpoints: Endpoints, options: ServerApiOptions): void {
  const { application, revocations, topics, notices, nodeChanges } = options;
  const { health, nodes, chat, failing, version } = options;
  // They may come back at once: their tokens still hold.
  endpoints.add(
    {
      ...{ method: "post", path: "/api/users/{id}/disconnect", by: "server", tag },
      operationId: "disconnectUser",
      summary: "Ends a user's connections",
      params: ofUser,
      answers: { 200: { description: "They are ended.", schema: ENDED } },
    },
    ({ context, params: { id } }) => {
      nodeChanges?.disconnected(id);
      return context.json({ connections: application.disconnect(id, disconnectedByApp()) });
    },
  );

  endpoints.add(
    {
      ...{ method: "post", path: "/api/users/{id}/revoke", by: "server", tag },
      operationId: "revokeUserTokens",
      summary: "Takes back all tokens issued to a user so far, and ends their connections",
      params: ofUser,
      answers: { 200: { description: "It is on disk.", schema: ENDED } },
      refusals: ["STORAGE_UNAVAILABLE"],
    },
    async ({ context, params: { id } }) =>
      context.json({ connections: await application.revoke(id) }),
  );

  endpoints.add(
    {
      ...{ method: "post", path: "/api/tokens/{id}/revoke", by: "server", tag },
      operationId: "revokeToken",
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

  endpoints.add(
    {
      ...{ method: "post", path: "/api/publish", by: "server", tag },
      operationId: "publish",
      summary: "Says something on a topic, to those who listen now",
      body: publicationSchema,
      answers: { 204: { description: "It is on its way." } },
      refusals: ["FORBIDDEN_DESTINATION", "UNKNOWN_DESTINATION"],
    },
    ({ context, body: { topic, body, contentType } }) => {
      topics.publish(topic, body, contentType);
      return context.body(null, 204);
    },
  );

  endpoints.add(
    {
      ...{ method: "post", path: "/api/broadcast", by: "server", tag },
      operationId: "broadcast",
      summary: "Says something to users, on `/user/queue/notices` of those who listen now",
      body: broadcastSchema,
      answers: { 200: { description: "It is on its way, and is not kept.", schema: REACHED } },
    },
    async ({ context, body: { userIds, body, contentType } }) => {
      const addressed = userIds === "online" ? null : userIds;
      return context.json({ users: await notices.publish(addressed, body, contentType) });
    },
  );

  endpoints.add(
    {
      ...{ method: "get", path: "/api/stats", by: "server", tag },
      operationId: "getStats",
      summary: "How many are there, and what the server has to do",
      answers: { 200: { description: "As of now.", schema: STATS } },
    },
    ({ context }) =>
      context.json({
        version,
        uptimeSeconds: Math.floor(process.uptime()),
        connections: nodes().reduce((sum, node) => sum + node.connections, 0),
        onlineUsers: health.onlineUsers,
        uncommittedMessages: chat.journal.uncommittedCount,
        memoryBytes: process.memoryUsage.rss(),
        failingServers: longestFailing(failing()).map(({ sinceMs, ...server }) => {
          return { ...server, since: isoTime(sinceMs) };
        }),
      }),
  );
}

/** Users name servers of web push, and there may be many that fail. */
function longestFailing(servers: readonly FailingServer[]): readonly FailingServer[] {
  return servers.toSorted((a, b) => a.sinceMs - b.sinceMs).slice(0, MOST_FAILING);
}
