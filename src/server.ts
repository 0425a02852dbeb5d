import { version } from "../package.json";
import { AccessRules } from "./app/access-rules.ts";
import { ChatApplication } from "./app/chat-application.ts";
import { ConversationRouter } from "./app/conversation-router.ts";
import { channelOfTopic, isCarriedTopic, isReservedTopic } from "./app/destinations.ts";
import { DeviceReplays } from "./app/device-replays.ts";
import { DormantSubscriptions } from "./app/dormant-subscriptions.ts";
import { MessageRouter } from "./app/message-router.ts";
import { NodeChanges } from "./app/node-changes.ts";
import { NoticePublisher } from "./app/notice-publisher.ts";
import { NoticeRelay } from "./app/notice-relay.ts";
import { PatternLimit } from "./app/pattern-limit.ts";
import { Permissions } from "./app/permissions.ts";
import { PresenceAudience } from "./app/presence-audience.ts";
import { AppRouter } from "./app/router.ts";
import { StompOutlet } from "./app/stomp-outlet.ts";
import { TopicPublisher } from "./app/topic-publisher.ts";
import { UserChannels } from "./app/user-channels.ts";
import { UserEvents } from "./app/user-events.ts";
import { UserSessions } from "./app/user-sessions.ts";
import { ApiKeys } from "./auth/api-keys.ts";
import { Authentication } from "./auth/authentication.ts";
import { type Revocation, Revocations, tokenRevoked } from "./auth/revocations.ts";
import { openBackplane, openBrokerQueues } from "./backplanes.ts";
import type { Backplane } from "./broker/backplane.ts";
import { Broker } from "./broker/broker.ts";
import type { StoredQueueMessage } from "./broker/queue-store.ts";
import type { Engine } from "./broker/subscription.ts";
import { type Deliver, TopicRelay } from "./broker/topic-relay.ts";
import type { WorkQueues } from "./broker/work-queues.ts";
import { type Block, Blocks } from "./chat/blocks.ts";
import { Chat } from "./chat/chat.ts";
import { Retention } from "./chat/retention.ts";
import { TimelyStore } from "./chat/timely-store.ts";
import type { Erasure } from "./chat/user-ports.ts";
import { type Clock, systemClock } from "./clock.ts";
import { parseAccessRule } from "./config/access-rule.ts";
import { isLoopbackHost, type Settings } from "./config.ts";
import { Deadline } from "./deadline.ts";
import { AppError } from "./errors.ts";
import { createApi } from "./http/api.ts";
import { UPLOADS_PATH } from "./http/attachments-api.ts";
import type { HealthSource } from "./http/health.ts";
import { LargeAnswers } from "./http/large-answers.ts";
import { Page } from "./http/page.ts";
import { commonHeaders, withHeaders } from "./http/security-headers.ts";
import { UserExports } from "./http/user-export.ts";
import { ascendingUuids, countedIds, newCode, newUuid } from "./ids.ts";
import type { Log } from "./log.ts";
import { Cluster } from "./nodes/cluster.ts";
import type { SelfDescription } from "./nodes/node-info.ts";
import { selfInfo } from "./nodes/roster.ts";
import { idsAt, type ListeningPorts, ownerOf, type ProcessPlace } from "./process-place.ts";
import { AttachmentService } from "./server/attachments.ts";
import { authenticatorsFor } from "./server/authentication.ts";
import { floodControl } from "./server/flood-control.ts";
import { LedWork } from "./server/led-work.ts";
import { Listeners } from "./server/listeners.ts";
import { mergeMetrics } from "./server/merged-metrics.ts";
import { Metrics } from "./server/metrics.ts";
import { nodeChannels } from "./server/other-nodes.ts";
import { sharedSettings } from "./server/shared-settings.ts";
import type { Tracing } from "./server/tracing/tracing.ts";
import { loadQueues, openQueues } from "./server/work-queues.ts";
import { checkIntervalMs } from "./session/check-interval.ts";
import { HeartbeatSender } from "./session/heartbeats.ts";
import { Publisher } from "./session/publisher.ts";
import { SharedTexts } from "./session/shared-texts.ts";
import {
  hasSharedDatabase,
  openFiles,
  openStorage,
  type Storage,
  sharedDatabaseName,
} from "./stores.ts";
import { isBodyTooLong } from "./transport/body-text.ts";
import type { Door } from "./transport/door.ts";
import { mailboxOf } from "./transport/event-cursor.ts";
import { EventEndpoint } from "./transport/event-endpoint.ts";
import { LiveSessions } from "./transport/live-sessions.ts";
import { remoteOf } from "./transport/remote.ts";
import { engineSeconds } from "./transport/request-time.ts";
import { Siblings } from "./transport/siblings.ts";
import { sockJsEndpoints } from "./transport/sockjs-endpoints.ts";
import { StompService } from "./transport/stomp-service.ts";
import { webSocketHandler } from "./transport/websocket-connection.ts";
import { TurnEnd } from "./turn-end.ts";
import chatPage from "./web/index.html";

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

/** The composition root: the only place that builds adapters and puts the floors together. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { settings, log, clock = systemClock, place = null } = options;
  const failed = Promise.withResolvers<AppError>();
  const backplane = await openBackplane(settings, clock, place);
  const how = backplane.isShared ? "shared" : "alone";
  const storage = await openStorage(settings, { how, onTaken: failed.resolve }, log, clock);
  try {
    const revoked = await storage.revocations.all();
    const blocked = await storage.blocks.all();
    const underWay = await storage.erasures.underWay();
    const lastMessageId = await storage.chat.lastMessageId();
    const tracing = await tracingFor(settings, clock, log);
    const brokerQueues = await openBrokerQueues(settings, clock, log);
    const queued = await loadQueues(storage, backplane);
    const kept = { lastMessageId, queued, revoked, blocked, underWay };
    const parts = { settings, log, clock, place, storage, backplane, brokerQueues, tracing };
    const server = serve({ ...parts, ...kept });
    return { ...server, failed: failed.promise };
  } catch (fault) {
    await storage.close();
    throw fault;
  }
}

interface Parts {
  readonly settings: Settings;
  readonly log: Log;
  readonly clock: Clock;
  readonly place: ProcessPlace | null;
  readonly storage: Storage;
  readonly backplane: Backplane;
  /** Work queues that are kept beside this node; null: it keeps them. */
  readonly brokerQueues: WorkQueues | null;
  /** New ones are above it. */
  readonly lastMessageId: string | null;
  /** What work queues kept over the restart. */
  readonly queued: readonly StoredQueueMessage[];
  readonly revoked: readonly Revocation[];
  readonly blocked: readonly Block[];
  readonly underWay: readonly Erasure[];
  /** null: nothing is traced. */
  readonly tracing: Tracing | null;
}

function serve(parts: Parts): Omit<RunningServer, "failed"> {
  const { settings, log, clock, place, storage, backplane, brokerQueues, tracing } = parts;
  const { lastMessageId, queued, revoked, blocked, underWay } = parts;
  const store = new TimelyStore(storage.chat, clock);
  const { limits, heartbeat } = settings;
  // As for WebSockets: SockJS may write six bytes for one, and send several frames at once.
  const bodyBytes = 8 * limits.frameBytes;
  const idleTimeout = engineSeconds(limits.requestMs);
  const onLoopback = isLoopbackHost(settings.host);
  const engine: Engine = {
    publish: (channel, payload) => listeners.web.publish(channel, payload),
  };
  const metrics = new Metrics({ version, clock, queues: settings.metrics.queues });
  const isDatabaseShared = hasSharedDatabase(settings);
  const nodes = nodeChannels(backplane, settings, isDatabaseShared, log);
  const isChatShared = nodes !== null && isDatabaseShared;
  const isCarried = (topic: string) => isCarriedTopic(topic, isChatShared);
  const channelOf = channelOfTopic;
  const relay = nodes === null ? null : new TopicRelay({ backplane, clock, isCarried, channelOf });
  const broker = new Broker(engine, clock, settings.delivery.gatherMs, metrics.messagesOut, relay);
  const onStoreChange = (messages: "chat" | "queue") => (err: AppError | null) => {
    if (err === null) log.info({ messages }, "The store can write again");
    else log.error({ err, messages }, "The store cannot write: messages are refused");
  };
  const queues = openQueues({
    ...{ settings, storage, brokerQueues, queued, nodes, clock, log },
    onStoreChange: onStoreChange("queue"),
  });
  const turnEnd = new TurnEnd();
  const sessions = new UserSessions(turnEnd, (userId, message) =>
    application.departed(userId, message),
  );
  const dormant = new DormantSubscriptions();
  const memberships = {
    joined: (userId: string, conversationId: string) => application.joined(userId, conversationId),
    left: (userId: string, conversationId: string) => application.left(userId, conversationId),
    returned: (userId: string) => application.returned(userId),
  };
  const newEventId = countedIds(newUuid().slice(-8));
  const outlet = new StompOutlet(broker, sessions, newEventId, memberships, (userId, body) =>
    audience.publish(userId, body),
  );
  const blocks = new Blocks(storage.blocks, limits.blocks, blocked);
  const channels =
    nodes === null || !isChatShared
      ? null
      : new UserChannels({ channels: nodes, clock, userIds: () => sessions.userIds() });
  const chat = new Chat({
    nodes: channels,
    ...{ store, outlet, clock, newId: ascendingUuids(lastMessageId), blocks },
    commitPace: {
      commitIntervalMs: settings.delivery.commitIntervalMs,
      atTurnEnd: (task) => turnEnd.conclude(task),
    },
    delivery: settings.delivery.mode,
    echo: settings.chat.echo,
    openDirect: settings.chat.openDirect,
    tellsEvents: settings.chat.systemMessages,
    editWithinMs: settings.chat.editWithinMs,
    deleteWithinMs: settings.chat.deleteWithinMs,
    openProfiles: settings.chat.openProfiles,
    contentBytes: limits.frameBytes,
    ...{ invites: storage.invites, attachments: storage.attachments },
    newCode,
    ...{ users: storage.users, erasures: storage.erasures, underWay, log },
    lockOut: (userId) => application.lockOut(userId),
    expel: (userId) => application.disconnect(userId, tokenRevoked()),
    endUploads: async (userId) => await files?.files.uploads.endOf(userId),
    recentMessages: settings.chat.recentMessages,
    cachedMembers: settings.chat.cachedMembers,
    uncommittedMessages: limits.uncommittedMessages,
    uncommittedBytes: limits.uncommittedBytes,
    typingExpiryMs: settings.chat.typingExpiryMs,
    graceMs: settings.presence.graceMs,
    presenceVisibleTo: settings.presence.visibleTo,
    messagesPerSecond: limits.messagesPerSecond,
    messagesBurst: limits.messagesBurst,
    conversationMembers: limits.conversationMembers,
    typingPerSecond: limits.typingPerSecond,
    typingBurst: limits.typingBurst,
    onStoreChange: onStoreChange("chat"),
    onCommit: (messages, seconds) => {
      metrics.committed(messages, seconds);
      tracing?.committed(messages, seconds);
      userEvents.committed();
    },
    onTold: () => userEvents.committed(),
    onFault: (err) => {
      // Health says so as well; what was under way is tried again.
      if (err instanceof AppError && err.code === "STORAGE_UNAVAILABLE") {
        log.warn({ err }, "The store is not available");
      } else log.error({ err }, "Internal error");
    },
  });
  const userEvents = new UserEvents({
    ...{ broker, chat, sessions, sendBufferBytes: limits.sendBufferBytes, log },
    departed: (userId, message) => application.departed(userId, message),
  });
  const files = attachmentService({
    ...{ settings, storage, chat, clock, log },
    isShared: isChatShared,
  });
  const self: SelfDescription = {
    ...{ version, startedMs: clock.now() },
    connections: () => live.count,
    users: () => chat.presence.hereCount,
    isLeader: () => storage.leadership.isLeader,
    settings:
      nodes === null
        ? new Map()
        : sharedSettings(settings, sharedDatabaseName(settings), isChatShared ? files : null),
  };
  const cluster =
    nodes === null
      ? null
      : new Cluster({
          ...{ channels: nodes, clock, run: newUuid().slice(-12), self },
          ...{ presence: chat.presence, ttlMs: settings.presence.ttlMs, log },
          onDeath: () => channels?.recover(),
        });
  const nodeList = () =>
    cluster === null ? [selfInfo(backplane.nodeId, self, true, clock.now())] : cluster.list();
  const audience = new PresenceAudience({
    ...{ broker, sessions, blocks, visibility: chat.visibility, newId: newEventId, clock },
    onFault: (err) => log.warn({ err }, "Presence could not be told"),
  });
  const retention = new Retention({ ...settings.retention, store, clock, log });
  const flood = floodControl(settings, clock, log);
  const { leewayMs } = settings.jwt;
  const revocations = new Revocations(storage.revocations, clock, revoked, leewayMs);
  const authentication = new Authentication(
    authenticatorsFor(settings, { clock, log, random: Math.random }),
    revocations,
    flood.failedLogins,
  );
  const { sendBufferBytes, connectionsPerUser } = limits;
  const replays = new DeviceReplays({ chat, sessions, sendBufferBytes, log });
  const permissions = new Permissions({
    ...{ audience, dormant, conversations: chat.conversations },
    patterns: new PatternLimit(broker, sessions, limits.patternsPerUser),
    access: new AccessRules({
      rules: settings.access.rules.map(parseAccessRule).filter((rule) => rule !== null),
      openToLocal: onLoopback,
    }),
  });
  const { rates } = flood;
  const { openGroups } = settings.chat;
  const router = new AppRouter({
    ...{ authentication, permissions, chat, sessions, replays, clock, newId: newUuid, rates },
    conversations: new ConversationRouter({ chat, clock, openGroups }),
    messages: new MessageRouter(chat),
  });
  const tracedSends = tracing?.sends(router) ?? null;
  const application = new ChatApplication({
    channels,
    ...{ authentication, broker, chat, sessions, dormant, replays, newId: newUuid, clock, log },
    onDelivered: (ageMs) => metrics.delivered(ageMs),
    ...{ permissions, rates, connectionsPerUser, events: userEvents },
    router: tracedSends ?? router,
  });
  const { users, erasures } = chat;
  const nodeChanges =
    nodes === null || !isChatShared
      ? null
      : new NodeChanges({
          ...{ channels: nodes, revocations, blocks, users, erasures, application, sessions },
          ...{ stores: storage, clock, log },
        });
  const noticeRelay = nodes === null ? null : new NoticeRelay(nodes);
  const notices = new NoticePublisher({
    ...{ broker, sessions, clock, newId: newEventId, limitBytes: limits.frameBytes },
    publishElsewhere: noticeRelay && ((notice) => noticeRelay.publish(notice)),
  });
  const checkEveryMs = checkIntervalMs([
    limits.connectMs,
    limits.blockedMs,
    settings.authentication.expiryWarningMs,
    2 * heartbeat.receiveMs, // So long may a client be silent that promised heart-beats.
  ]);
  const { reconnectSpreadMs } = settings.shutdown;
  const live = new LiveSessions({
    ...{ clock, checkEveryMs, random: Math.random, reconnectSpreadMs, keys: flood.keys, log },
    buffersEveryMs: Math.max(checkEveryMs, Math.min(1_000, limits.blockedMs / 8)),
    bufferedBytes: limits.bufferedBytes,
    memoryBytes: () => process.memoryUsage.rss(),
  });
  const admission = flood.admission(live);
  const heartbeatSender = new HeartbeatSender(
    clock,
    engine,
    checkIntervalMs([heartbeat.minimumMs]),
  );
  const origins = {
    ...{ allowedOrigins: settings.http.allowedOrigins, onLoopback },
    isHttps: settings.tls.certFile !== undefined,
  };
  const { requestHeaders } = authentication;
  const remotes = { origins, proxies: flood.proxies, requestHeaders };
  const environment = {
    ...{ broker, queues, application, clock, newId: newUuid, log, heartbeat, heartbeatSender },
    publisher: new Publisher({
      ...{ broker, application, newId: newUuid, newTopicMessageId: newEventId },
      onSend: (kind) => metrics.sent(kind),
    }),
    texts: new SharedTexts(),
    observer: metrics,
    onSettled: tracedSends?.settled ?? null,
    limits: { ...limits, prefetch: settings.queue.prefetch },
    expiryWarningMs: settings.authentication.expiryWarningMs,
    serverName: `parley/${version}`,
  };
  const service = new StompService({
    ...{ environment, sessions: live, heartbeatSender },
    sockJsHeartbeatMs: settings.sockjs.heartbeatMs,
  });
  const endpoints = sockJsEndpoints(settings, {
    ...{ ...remotes, service, admission, clock, bodyBytes },
    isDraining: () => live.isDraining,
  });
  let stopped: Promise<void> | null = null;
  const health: HealthSource = {
    get activeConnections() {
      return live.count;
    },
    get onlineUsers() {
      return chat.presence.onlineCount;
    },
    get isStoreFailing() {
      return chat.journal.isFailing || queues.journal?.isFailing === true;
    },
    get isStoreBehind() {
      return chat.journal.isBehind || queues.journal?.isBehind === true;
    },
    get backplane() {
      if (!backplane.isShared) return "LOCAL";
      return backplane.isConnected ? "CONNECTED" : "DISCONNECTED";
    },
    get isStopping() {
      return stopped !== null;
    },
  };
  const answers = new LargeAnswers({
    ...{ keys: flood.keys, limitBytes: limits.bufferedBytes / 4 },
    callerHeaders: [...requestHeaders, "authorization", "x-api-key", "x-user-id"],
  });
  const events = new EventEndpoint({
    ...{ environment, events: userEvents, sessions: live, admission, heartbeatSender, clock },
    ...{ heartbeatMs: settings.events.heartbeatMs, graceMs: settings.events.pollGraceMs },
    newCode: place === null ? newCode : idsAt(place, newCode),
  });
  const api = createApi({
    events,
    ...{ authentication, application, chat, store, health, nodes: nodeList, origins, clock, log },
    metrics: {
      contentType: metrics.contentType,
      text: async () =>
        siblings === null ? await metrics.text() : mergeMetrics(await siblings.metrics()),
    },
    ...{ openMetrics: settings.metrics.open, onRefusal: (code) => metrics.refused(code) },
    tracing: tracing?.requests ?? null,
    ...{ openGroups, version, topics: new TopicPublisher(broker, newEventId, limits.frameBytes) },
    files: files?.files ?? null,
    apiKeys: new ApiKeys(settings.api.keys),
    ...{ requests: flood.requests, search: storage.search, searches: flood.searches },
    answers,
    exports: new UserExports({
      ...{ users: storage.users, erasures: storage.erasures, chats: store },
      ...{ invites: storage.invites, attachments: storage.attachments, blocks, answers, log },
    }),
    ...{ notices, nodeChanges },
  });

  const page = new Page(chatPage);
  const always = commonHeaders(settings.tls.certFile === undefined ? 0 : settings.tls.hstsDays);
  const answer = (request: Request, door: Door, isPassedOn: boolean): Answer => {
    const pathname = URL.parse(request.url)?.pathname;
    if (pathname === undefined) return new Response("The Host is no host\n", { status: 400 });
    if (pathname !== UPLOADS_PATH && isBodyTooLong(request, bodyBytes)) {
      return new Response(null, { status: 413 });
    }
    const endpoint = endpoints.find((candidate) => candidate.covers(pathname));
    if (siblings !== null && place !== null && !isPassedOn) {
      const id = endpoint ? endpoint.sessionOf(pathname) : mailboxOf(request, pathname);
      const owner = id === null ? place.number : ownerOf(place, id);
      if (owner !== place.number) return siblings.passOn(request, door, owner);
    }
    if (endpoint !== undefined) return endpoint.fetch(request, door, pathname);
    if (page.covers(request, pathname)) return page.fetch(request, pathname);
    return api.fetch(request, {
      ...{ remote: remoteOf(request, door, remotes), bodyBytes },
      takeTime() {
        door.timeout(request, 0);
        return { done: () => door.timeout(request, idleTimeout) };
      },
    });
  };
  // Of what is read the length is seen to there; the engine would not say what is wrong.
  const maxRequestBodySize = files === null ? bodyBytes : Number.MAX_SAFE_INTEGER;
  const listeners = new Listeners({
    ...{ settings, clock, log, isShared: place !== null },
    web: {
      fetch(request, server) {
        const response = answer(request, server, false);
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
          answer: (request, door) => answer(request, door, true),
          metrics: () => metrics.text(),
        });

  files?.start();
  const { leadership } = storage;
  const workers = [retention, chat.erasures, chat.disappearance];
  const ledWork = new LedWork(leadership, files === null ? workers : [...workers, files.sweeper]);
  ledWork.start();
  const receivers = [relay, channels, nodeChanges, noticeRelay, cluster];
  metrics.start({
    ...{ health, journal: chat.journal, queues, backplane, cluster, leadership },
    receivers: receivers.filter((each) => each !== null),
    usersHere: () => chat.presence.hereCount,
  });
  const deliver: Deliver = (topic, message) =>
    isReservedTopic(topic) ? broker.deliver(topic, message) : broker.publishHere(topic, message);
  for (const kind of ["", "typing"]) {
    nodes?.receive(kind, (_origin, _channel, payload) => relay?.receive(payload, deliver));
  }
  if (chat.nodeNotices !== null) channels?.start(chat.nodeNotices);
  nodeChanges?.start();
  noticeRelay?.start((notice) => void notices.publishHere(notice));
  nodes?.start();
  nodeChanges?.listen();
  noticeRelay?.listen();
  cluster?.start();

  async function stop(reason: string): Promise<void> {
    log.info({ reason, connections: live.count }, "Stopping");
    const { drainMs, timeoutMs } = settings.shutdown;
    live.drain();
    if (drainMs > 0) await new Promise<void>((resolve) => clock.schedule(drainMs, resolve));
    const deadline = new Deadline(clock, timeoutMs);
    application.stop();
    metrics.stop();
    const ledWorkStopped = ledWork.stop();
    await deadline.allows(chat.journal.drained());
    queues.stop();
    await deadline.allows(live.stop());
    for (const endpoint of endpoints) endpoint.stop();
    relay?.stop();
    channels?.stop();
    nodeChanges?.stop();
    cluster?.stop();
    await deadline.allows(queues.finish());
    await deadline.allows(backplane.close());
    heartbeatSender.stop();
    await deadline.allows(chat.stop());
    await deadline.allows(ledWorkStopped);
    if (tracing !== null) await deadline.allows(tracing.stop());
    await deadline.allows(Promise.all([listeners.stop(), siblings?.stop()]));
    await Promise.all([listeners.terminate(), siblings?.terminate()]);
    if (files !== null) await deadline.allows(files.stop());
    await storage.close();
  }

  return {
    ports: listeners.ports,
    url: listeners.url,
    tcpUrl: listeners.tcpUrl,
    redirectUrl: listeners.redirectUrl,
    stop(reason) {
      stopped ??= stop(reason);
      return stopped;
    },
  };
}

/** undefined: the request has become a WebSocket. */
type Answer = Response | Promise<Response> | undefined;

/** What traces is loaded only where it is wanted. */
async function tracingFor(settings: Settings, clock: Clock, log: Log): Promise<Tracing | null> {
  const { endpoint } = settings.tracing;
  if (endpoint === undefined || endpoint === "none") return null;
  const { Tracing } = await import("./server/tracing/tracing.ts");
  const { random } = Math;
  return new Tracing({ endpoint, settings: settings.tracing, version, clock, random, log });
}

/** null: the server has no files of messages. */
function attachmentService({ settings, storage, chat, isShared, clock, log }: AttachmentParts) {
  const stored = openFiles(settings, log);
  if (stored === null) return null;
  const { attachments, erasures } = chat;
  const assertNotErased = (userId: string) => erasures.assertNone(userId);
  const parts = { settings, ...stored, attachments, assertNotErased, isShared, clock, log };
  return new AttachmentService({ ...parts, store: storage.attachments });
}

type AttachmentParts = Pick<Parts, "settings" | "storage" | "clock" | "log"> & {
  readonly chat: Chat;
  readonly isShared: boolean;
};
