import { version } from "../../package.json";
import type { Engine } from "../broker/subscription.ts";
import { isLoopbackHost } from "../config.ts";
import { type NewId, newCode, newUuid } from "../ids.ts";
import { idsAt } from "../process-place.ts";
import { checkIntervalMs } from "../session/check-interval.ts";
import type { SessionEnvironment } from "../session/environment.ts";
import { HeartbeatSender } from "../session/heartbeats.ts";
import { Publisher } from "../session/publisher.ts";
import { SharedTexts } from "../session/shared-texts.ts";
import type { Admission } from "../transport/admission.ts";
import { EventEndpoint } from "../transport/event-endpoint.ts";
import { LiveSessions } from "../transport/live-sessions.ts";
import type { RemotePolicy } from "../transport/remote.ts";
import type { SockJsEndpoint } from "../transport/sockjs-endpoint.ts";
import { sockJsEndpoints } from "../transport/sockjs-endpoints.ts";
import { StompService } from "../transport/stomp-service.ts";
import type { AppService } from "./application.ts";
import type { ChatService } from "./chat-service.ts";
import type { FloodControl } from "./flood-control.ts";
import type { Foundation } from "./foundation.ts";
import type { Metrics } from "./metrics.ts";
import type { TopicsAndQueues } from "./topics-and-queues.ts";

export interface ConnectionsOptions {
  readonly engine: Engine;
  readonly messaging: TopicsAndQueues;
  readonly service: ChatService;
  readonly app: AppService;
  readonly flood: FloodControl;
  readonly metrics: Metrics;
  /** Of messages on topics. */
  readonly newEventId: NewId;
  /** Of a request that is no file. */
  readonly bodyBytes: number;
}

/** What clients connect to, and what is common to all connections. */
export interface Connections {
  readonly live: LiveSessions;
  readonly admission: Admission;
  readonly heartbeatSender: HeartbeatSender;
  readonly environment: SessionEnvironment;
  /** Which requests are trusted with what. */
  readonly remotes: RemotePolicy;
  /** Of WebSockets and SockJS. */
  readonly endpoints: readonly SockJsEndpoint[];
  /** Of plain HTTP. */
  readonly events: EventEndpoint;
}

export function openConnections(foundation: Foundation, options: ConnectionsOptions): Connections {
  const { settings, place, clock } = foundation;
  const { engine, service, app, flood, bodyBytes } = options;
  const live = liveSessions(foundation, flood);
  const admission = flood.admission(live);
  const heartbeatSender = new HeartbeatSender(
    clock,
    engine,
    checkIntervalMs([settings.heartbeat.minimumMs]),
  );
  const environment = sessionEnvironment(foundation, options, heartbeatSender);
  const origins = {
    allowedOrigins: settings.http.allowedOrigins,
    onLoopback: isLoopbackHost(settings.host),
    isHttps: settings.tls.certFile !== undefined,
  };
  const { requestHeaders } = app.authentication;
  const remotes = { origins, proxies: flood.proxies, requestHeaders };
  const stomp = new StompService({
    ...{ environment, sessions: live, heartbeatSender },
    sockJsHeartbeatMs: settings.sockjs.heartbeatMs,
  });
  const endpoints = sockJsEndpoints(settings, {
    ...{ ...remotes, service: stomp, admission, clock, bodyBytes },
    isDraining: () => live.isDraining,
  });
  const events = new EventEndpoint({
    ...{ environment, events: service.userEvents, sessions: live, admission, heartbeatSender },
    ...{ clock, heartbeatMs: settings.events.heartbeatMs, graceMs: settings.events.pollGraceMs },
    newCode: place === null ? newCode : idsAt(place, newCode),
  });
  return { live, admission, heartbeatSender, environment, remotes, endpoints, events };
}

function liveSessions({ settings, clock, log }: Foundation, { keys }: FloodControl): LiveSessions {
  const { limits, heartbeat } = settings;
  const checkEveryMs = checkIntervalMs([
    limits.connectMs,
    limits.blockedMs,
    settings.authentication.expiryWarningMs,
    2 * heartbeat.receiveMs, // So long may a client be silent that promised heart-beats.
  ]);
  const { reconnectSpreadMs } = settings.shutdown;
  return new LiveSessions({
    ...{ clock, checkEveryMs, random: Math.random, reconnectSpreadMs, keys, log },
    buffersEveryMs: Math.max(checkEveryMs, Math.min(1_000, limits.blockedMs / 8)),
    bufferedBytes: limits.bufferedBytes,
    memoryBytes: () => process.memoryUsage.rss(),
  });
}

function sessionEnvironment(
  { settings, clock, log }: Foundation,
  { messaging, app, metrics, newEventId }: ConnectionsOptions,
  heartbeatSender: HeartbeatSender,
): SessionEnvironment {
  const { broker, queues } = messaging;
  const { application, tracedSends } = app;
  const { heartbeat } = settings;
  return {
    ...{ broker, queues, application, clock, newId: newUuid, log, heartbeat, heartbeatSender },
    publisher: new Publisher({
      ...{ broker, application, newId: newUuid, newTopicMessageId: newEventId },
      onSend: (kind) => metrics.sent(kind),
    }),
    texts: new SharedTexts(),
    observer: metrics,
    onSettled: tracedSends?.settled ?? null,
    limits: { ...settings.limits, prefetch: settings.queue.prefetch },
    expiryWarningMs: settings.authentication.expiryWarningMs,
    serverName: `parley/${version}`,
  };
}
