import type { Hono } from "hono";
import { version } from "../../package.json";
import { TopicPublisher } from "../app/topic-publisher.ts";
import { ApiKeys } from "../auth/api-keys.ts";
import type { ChatStore } from "../chat/ports.ts";
import { type ApiEnvironment, createApi, type NotificationsSource } from "../http/api.ts";
import type { HealthSource } from "../http/health.ts";
import { LargeAnswers } from "../http/large-answers.ts";
import { UserExports } from "../http/user-export.ts";
import type { NewId } from "../ids.ts";
import type { AppService } from "./application.ts";
import type { AttachmentService } from "./attachments.ts";
import type { ChatService } from "./chat-service.ts";
import type { Connections } from "./connections.ts";
import type { FloodControl } from "./flood-control.ts";
import type { Foundation } from "./foundation.ts";
import type { Metrics } from "./metrics.ts";
import type { NodeServices } from "./node-services.ts";
import type { TopicsAndQueues } from "./topics-and-queues.ts";

export interface HttpApiOptions {
  readonly store: ChatStore;
  readonly messaging: TopicsAndQueues;
  readonly service: ChatService;
  readonly app: AppService;
  readonly connections: Connections;
  readonly others: NodeServices;
  /** null: the server has no files of messages. */
  readonly files: AttachmentService | null;
  /** null: neither users who are away nor webhooks are told of anything. */
  readonly notifications: NotificationsSource | null;
  readonly flood: FloodControl;
  readonly health: HealthSource;
  readonly metrics: Metrics;
  /** Of all processes of this server. */
  readonly metricsText: () => Promise<string>;
  /** Of messages on topics. */
  readonly newEventId: NewId;
}

/** The HTTP API, with all that its endpoints answer from. */
export function openHttpApi(foundation: Foundation, options: HttpApiOptions): Hono<ApiEnvironment> {
  const { settings, storage, tracing, clock, log } = foundation;
  const { store, messaging, service, app, connections, others } = options;
  const { files, flood, health, metrics, newEventId } = options;
  const { limits } = settings;
  const { authentication, application } = app;
  const { chat, blocks } = service;
  const answers = new LargeAnswers({
    ...{ keys: flood.keys, limitBytes: limits.bufferedBytes / 4 },
    callerHeaders: [
      ...authentication.requestHeaders,
      ...["authorization", "x-api-key", "x-user-id"],
    ],
  });
  return createApi({
    ...{ authentication, application, chat, store, health, clock, log, answers, version },
    ...{ events: connections.events, origins: connections.remotes.origins },
    ...{ nodes: others.list, notices: others.notices, nodeChanges: others.nodeChanges },
    metrics: { contentType: metrics.contentType, text: options.metricsText },
    ...{ openMetrics: settings.metrics.open, onRefusal: (code) => metrics.refused(code) },
    tracing: tracing?.requests ?? null,
    openGroups: settings.chat.openGroups,
    topics: new TopicPublisher(messaging.broker, newEventId, limits.frameBytes),
    ...{ files: files?.files ?? null, notifications: options.notifications },
    apiKeys: new ApiKeys(settings.api.keys),
    ...{ requests: flood.requests, search: storage.search, searches: flood.searches },
    exports: new UserExports({
      ...{ users: storage.users, erasures: storage.erasures, chats: store },
      ...{ invites: storage.invites, attachments: storage.attachments, blocks, answers, log },
      notices: storage.notices,
    }),
  });
}
