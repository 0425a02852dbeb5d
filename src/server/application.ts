import { AccessRules } from "../app/access-rules.ts";
import { ChatApplication } from "../app/chat-application.ts";
import { ConversationRouter } from "../app/conversation-router.ts";
import { DeviceReplays } from "../app/device-replays.ts";
import { MessageRouter } from "../app/message-router.ts";
import { PatternLimit } from "../app/pattern-limit.ts";
import { Permissions } from "../app/permissions.ts";
import { AppRouter } from "../app/router.ts";
import { Authentication } from "../auth/authentication.ts";
import { Revocations } from "../auth/revocations.ts";
import type { Broker } from "../broker/broker.ts";
import { parseAccessRule } from "../config/access-rule.ts";
import { isLoopbackHost } from "../config.ts";
import { newUuid } from "../ids.ts";
import { authenticatorsFor } from "./authentication.ts";
import type { ChatService } from "./chat-service.ts";
import type { FloodControl } from "./flood-control.ts";
import type { Foundation } from "./foundation.ts";
import type { Metrics } from "./metrics.ts";
import type { TracedSends } from "./tracing/sends.ts";

export interface AppServiceOptions {
  readonly service: ChatService;
  readonly broker: Broker;
  readonly flood: FloodControl;
  readonly metrics: Metrics;
}

/** Who clients are, what they may, and what becomes of what they send. */
export interface AppService {
  readonly application: ChatApplication;
  readonly authentication: Authentication;
  readonly revocations: Revocations;
  /** null: nothing is traced. */
  readonly tracedSends: TracedSends | null;
}

export function openApplication(
  foundation: Foundation,
  { service, broker, flood, metrics }: AppServiceOptions,
): AppService {
  const { settings, storage, revoked, tracing, clock, log } = foundation;
  const { chat, sessions, dormant, audience, userEvents, channels } = service;
  const { rates } = flood;
  const { sendBufferBytes, connectionsPerUser, patternsPerUser } = settings.limits;
  const revocations = new Revocations(storage.revocations, clock, revoked, settings.jwt.leewayMs);
  const authentication = new Authentication(
    authenticatorsFor(settings, { clock, log, random: Math.random }),
    revocations,
    flood.failedLogins,
  );
  const replays = new DeviceReplays({ chat, sessions, sendBufferBytes, log });
  const permissions = new Permissions({
    ...{ audience, dormant, conversations: chat.conversations },
    patterns: new PatternLimit(broker, sessions, patternsPerUser),
    access: new AccessRules({
      rules: settings.access.rules.map(parseAccessRule).filter((rule) => rule !== null),
      openToLocal: isLoopbackHost(settings.host),
    }),
  });
  const { openGroups } = settings.chat;
  const router = new AppRouter({
    ...{ authentication, permissions, chat, sessions, replays, clock, newId: newUuid, rates },
    conversations: new ConversationRouter({ chat, clock, openGroups }),
    messages: new MessageRouter(chat),
  });
  const tracedSends = tracing?.sends(router) ?? null;
  const application = new ChatApplication({
    channels,
    ...{ authentication, chat, sessions, dormant, replays, clock, log },
    onDelivered: (ageMs) => metrics.delivered(ageMs),
    ...{ permissions, rates, connectionsPerUser, events: userEvents },
    router: tracedSends ?? router,
  });
  return { application, authentication, revocations, tracedSends };
}
