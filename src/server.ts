import { version } from "../package.json";
import type { Engine } from "./broker/subscription.ts";
import { TimelyStore } from "./chat/timely-store.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { Settings } from "./config.ts";
import type { AppError } from "./errors.ts";
import { Page } from "./http/page.ts";
import { commonHeaders, withHeaders } from "./http/security-headers.ts";
import { countedIds, newUuid } from "./ids.ts";
import type { Log } from "./log.ts";
import type { ListeningPorts, ProcessPlace } from "./process-place.ts";
import { openApplication } from "./server/application.ts";
import { openAttachments } from "./server/attachments.ts";
import { openChatService } from "./server/chat-service.ts";
import { openConnections } from "./server/connections.ts";
import { floodControl } from "./server/flood-control.ts";
import { type Foundation, layFoundation } from "./server/foundation.ts";
import { healthSource } from "./server/health-source.ts";
import { openHttpApi } from "./server/http-api.ts";
import { Lifecycle } from "./server/lifecycle.ts";
import { Listeners } from "./server/listeners.ts";
import { mergeMetrics } from "./server/merged-metrics.ts";
import { Metrics } from "./server/metrics.ts";
import { openNodeServices } from "./server/node-services.ts";
import { openNotifications } from "./server/notifications.ts";
import { RequestRoutes } from "./server/request-routes.ts";
import { openTopicsAndQueues } from "./server/topics-and-queues.ts";
import { engineSeconds } from "./transport/request-time.ts";
import { Siblings } from "./transport/siblings.ts";
import { webSocketHandler } from "./transport/websocket-connection.ts";
import chatPage from "./web/index.html";
import serviceWorker from "./web/service-worker/index.html";

export interface ServerOptions {
  readonly settings: Settings;
  readonly log: Log;
  readonly clock?: Clock;
  /** null: the only process of the server. */
  readonly place?: ProcessPlace | null;
}

export interface RunningServer {
  /** Where a browser on this machine finds it. */
  readonly url: string;
  readonly ports: ListeningPorts;
  /** Where STOMP over TCP is spoken; undefined where it is not. */
  readonly tcpUrl: string | undefined;
  /** Where plain HTTP is redirected from; undefined where it is not. */
  readonly redirectUrl: string | undefined;
  /** Resolves with the reason for which the server cannot go on, and is to be stopped. */
  readonly failed: Promise<AppError>;
  /**
   * Refuses what is new, commits what was taken, tells every client, and lets go of the store.
   * Idempotent.
   */
  stop(reason: string): Promise<void>;
}

/** The composition root: with `server/`, the only place that builds adapters and puts the floors together. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { settings, log, clock = systemClock, place = null } = options;
  const failed = Promise.withResolvers<AppError>();
  const foundation = await layFoundation({ settings, log, clock, place }, failed.resolve);
  try {
    return { ...serve(foundation), failed: failed.promise };
  } catch (fault) {
    await foundation.storage.close();
    throw fault;
  }
}

/** Each part is given those that it stands on; what it turns to later is handed over as a function. */
function serve(foundation: Foundation): Omit<RunningServer, "failed"> {
  const { settings, log, clock, place, storage, backplane } = foundation;
  const { limits } = settings;
  const store = new TimelyStore(storage.chat, clock);
  // As for WebSockets: SockJS may write six bytes for one, and send several frames at once.
  const bodyBytes = 8 * limits.frameBytes;
  const idleTimeout = engineSeconds(limits.requestMs);
  const engine: Engine = {
    publish: (channel, payload) => listeners.web.publish(channel, payload),
  };
  const metrics = new Metrics({ version, clock, queues: settings.metrics.queues });
  const newEventId = countedIds(newUuid().slice(-8));
  const onStoreChange = (messages: "chat" | "queue") => (err: AppError | null) => {
    if (err === null) log.info({ messages }, "The store can write again");
    else log.error({ err, messages }, "The store cannot write: messages are refused");
  };
  const messaging = openTopicsAndQueues(foundation, {
    ...{ engine, metrics, onQueueStoreChange: onStoreChange("queue") },
  });
  const service = openChatService(foundation, {
    ...{ store, messaging, metrics, newEventId, onStoreChange: onStoreChange("chat") },
    above: {
      get application() {
        return app.application;
      },
      get files() {
        return files;
      },
      get notifications() {
        return notifications;
      },
    },
  });
  const files = openAttachments(foundation, service.chat, messaging.isChatShared);
  const notifications = openNotifications(foundation, {
    metrics,
    isThere: (userId) => service.chat.presence.isThere(userId),
  });
  const flood = floodControl(settings, clock, log);
  const { broker } = messaging;
  const app = openApplication(foundation, { service, broker, flood, metrics });
  const others = openNodeServices(foundation, {
    ...{ messaging, service, app, files, newEventId },
    connections: () => connections.live.count,
  });
  const connections = openConnections(foundation, {
    ...{ engine, messaging, service, app, flood, metrics, newEventId, bodyBytes },
  });
  const health = healthSource({
    ...{ storage, chat: service.chat, queues: messaging.queues, backplane },
    connections: () => connections.live.count,
    isStopping: () => lifecycle.isStopping,
  });
  const api = openHttpApi(foundation, {
    ...{ store, messaging, service, app, connections, others, files, flood, health, metrics },
    metricsText: async () =>
      siblings === null ? await metrics.text() : mergeMetrics(await siblings.metrics()),
    ...{ newEventId, notifications: notifications.source },
  });
  const { endpoints, environment, remotes, live, admission } = connections;
  const routes = new RequestRoutes({
    ...{ endpoints, api, remotes, place, bodyBytes, idleTimeout },
    page: new Page({ page: chatPage, serviceWorker }),
    siblings: () => siblings,
  });
  const always = commonHeaders(settings.tls.certFile === undefined ? 0 : settings.tls.hstsDays);
  // Of what is read the length is seen to there; the engine would not say what is wrong.
  const maxRequestBodySize = files === null ? bodyBytes : Number.MAX_SAFE_INTEGER;
  const listeners = new Listeners({
    ...{ settings, clock, log, isShared: place !== null },
    web: {
      fetch(request, server) {
        const response = routes.answer(request, server, false);
        if (response === undefined) return undefined;
        if (response instanceof Response) return withHeaders(response, always);
        return response.then((later) => withHeaders(later, always));
      },
      error(err) {
        log.error({ err }, "Internal error");
        return new Response("INTERNAL\n", { status: 500 });
      },
      webSocket: (beside) =>
        webSocketHandler(limits, { beside, release: (peer) => broker.release(peer) }),
      ...{ maxRequestBodySize, idleTimeout },
    },
    tcp: {
      ...{ environment, sessions: live, admission, clock, log },
      sendBufferBytes: limits.sendBufferBytes,
      lingerMs: limits.blockedMs,
    },
  });
  const siblings: Siblings | null =
    place === null
      ? null
      : new Siblings({
          ...{ place, log, maxRequestBodySize, idleTimeout },
          answer: (request, door) => routes.answer(request, door, true),
          metrics: () => metrics.text(),
        });
  const lifecycle = new Lifecycle({
    ...{ foundation, store, messaging, service, app, others, connections, files, notifications },
    ...{ health, metrics, listeners, siblings },
  });
  lifecycle.start();

  return {
    ports: listeners.ports,
    url: listeners.url,
    tcpUrl: listeners.tcpUrl,
    redirectUrl: listeners.redirectUrl,
    stop: (reason) => lifecycle.stop(reason),
  };
}
