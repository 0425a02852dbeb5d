import { isUtf8 } from "node:buffer";
import { type Context, Hono, type MiddlewareHandler } from "hono";
import type { ChatApplication } from "../app/chat-application.ts";
import type { NodeChanges } from "../app/node-changes.ts";
import type { NoticePublisher } from "../app/notice-publisher.ts";
import { idSchema } from "../app/schemas.ts";
import type { TopicPublisher } from "../app/topic-publisher.ts";
import type { AddressRate, RateStanding } from "../auth/address-rate.ts";
import type { ApiKeys } from "../auth/api-keys.ts";
import type { Authentication } from "../auth/authentication.ts";
import { makePrincipal } from "../auth/authenticator.ts";
import type { Principal } from "../auth/principal.ts";
import type { Remote } from "../auth/remote.ts";
import { type Actor, SYSTEM } from "../chat/actor.ts";
import type { Chat } from "../chat/chat.ts";
import type { ChatStore } from "../chat/ports.ts";
import type { MessageSearch } from "../chat/search.ts";
import type { Clock } from "../clock.ts";
import { AppError, type ErrorCode, toAppError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { MaybePromise } from "../maybe-promise.ts";
import type { NodeInfo } from "../nodes/node-info.ts";
import type { DeadLetters } from "../notify/dead-letters.ts";
import type { FailingServer } from "../notify/notice-servers.ts";
import type { Notifications } from "../notify/notifications.ts";
import type { WebhookReplay } from "../notify/webhook-replay.ts";
import type { TokenBuckets } from "../token-buckets.ts";
import type { EventEndpoint } from "../transport/event-endpoint.ts";
import { areCookiesTrusted, isOriginAllowed, type OriginPolicy } from "../transport/origin.ts";
import { attachmentEndpoints, type Files } from "./attachments-api.ts";
import { blockEndpoints } from "./blocks-api.ts";
import { conversationEndpoints } from "./conversations-api.ts";
import { allowOrigin, preflight } from "./cors.ts";
import { refuseForgery } from "./csrf.ts";
import { deadLetterEndpoints } from "./dead-letters-api.ts";
import { documentRoutes } from "./documents.ts";
import { type Doors, Endpoints } from "./endpoint.ts";
import { eventEndpoints } from "./events-api.ts";
import type { HealthSource } from "./health.ts";
import { healthEndpoints } from "./health-api.ts";
import { inviteEndpoints } from "./invites-api.ts";
import type { LargeAnswers } from "./large-answers.ts";
import { membershipEndpoints } from "./membership-api.ts";
import { messageChangeEndpoints } from "./message-changes-api.ts";
import { messageEndpoints } from "./messages-api.ts";
import { type MetricsSource, metricsEndpoint } from "./metrics-api.ts";
import { nodesEndpoints } from "./nodes-api.ts";
import { notificationEndpoints } from "./notifications-api.ts";
import { openApiDocument } from "./openapi.ts";
import { presenceEndpoints } from "./presence-api.ts";
import { problemResponse } from "./problem.ts";
import { searchEndpoints } from "./search-api.ts";
import { DATA_HEADERS, withHeaders } from "./security-headers.ts";
import { serverEndpoints } from "./server-api.ts";
import { type UnsubscribeOptions, unsubscribeRoutes } from "./unsubscribe.ts";
import type { UserExports } from "./user-export.ts";
import { userEndpoints } from "./users-api.ts";
import { webhookEndpoints } from "./webhooks-api.ts";

/** What tells users who are away, and webhooks. */
export interface NotificationsSource {
  readonly users: Notifications;
  readonly deadLetters: DeadLetters;
  /** null: there is no webhook. */
  readonly webhookReplay: Pick<WebhookReplay, "add"> | null;
  /** null: no e-mails are sent. */
  readonly unsubscribing: Omit<UnsubscribeOptions, "requests"> | null;
  /** Servers that fail, as far as this node sends to them. */
  failing(): readonly FailingServer[];
}

export interface ApiOptions {
  readonly authentication: Authentication;
  readonly apiKeys: ApiKeys;
  /** What users may ask. */
  readonly requests: AddressRate;
  readonly answers: LargeAnswers;
  /** null: none are taken, nor given away. */
  readonly files: Files | null;
  readonly application: ChatApplication;
  readonly events: EventEndpoint;
  readonly topics: TopicPublisher;
  readonly notices: NoticePublisher;
  /** null: users who are away are told of nothing, and neither is a webhook. */
  readonly notifications: NotificationsSource | null;
  /** null: no other node shares the database. */
  readonly nodeChanges: Pick<NodeChanges, "disconnected"> | null;
  readonly chat: Chat;
  readonly store: ChatStore;
  readonly search: MessageSearch;
  /** What each user may search. */
  readonly searches: TokenBuckets;
  readonly exports: UserExports;
  readonly health: HealthSource;
  /** Those that live, this one first. */
  readonly nodes: () => readonly NodeInfo[];
  readonly origins: OriginPolicy;
  /** Users may make groups. */
  readonly openGroups: boolean;
  /** Of the server. */
  readonly version: string;
  readonly metrics: MetricsSource;
  /** Everybody may read the metrics; else the back end alone. */
  readonly openMetrics: boolean;
  readonly onRefusal: (code: ErrorCode) => void;
  /** Around each request; null: nothing is traced. */
  readonly tracing: MiddlewareHandler<ApiEnvironment> | null;
  readonly clock: Clock;
  readonly log: Log;
}

/** What a request to the API comes with. */
export interface ApiEnvironment {
  readonly Bindings: {
    readonly remote: Remote;
    /** What a body that is no file may have. */
    readonly bodyBytes: number;
    /** The request may take its time until it is done: its endpoint sees to how much. */
    takeTime(): { done(): void };
  };
}

/** The HTTP API under `/api`. */
export function createApi(options: ApiOptions): Hono<ApiEnvironment> {
  const { chat, store, answers } = options;
  const api = new Hono<ApiEnvironment>();

  if (options.tracing !== null) api.use(options.tracing);
  const { notifications, requests } = options;
  const unsubscribing = notifications?.unsubscribing ?? null;
  if (unsubscribing !== null) unsubscribeRoutes(api, { ...unsubscribing, requests });
  api.use(async (context, next) => {
    const origin = context.req.header("origin") ?? null;
    if (!isOriginAllowed(context.req.raw.headers, options.origins)) {
      throw new AppError("ORIGIN_FORBIDDEN", "The Origin is not on the list http.allowed_origins");
    }
    if (origin !== null && context.req.method === "OPTIONS") {
      return preflight(context.req.raw.headers, origin, options.origins);
    }
    await next();
    if (origin !== null)
      allowOrigin(
        context.res.headers,
        origin,
        areCookiesTrusted(context.req.raw.headers, options.origins),
      );
    context.res.headers.append("vary", "Origin");
    withHeaders(context.res, DATA_HEADERS);
    tellRate(context.res.headers, options.requests.standing(context.env.remote));
    return undefined;
  });

  const { application, clock } = options;
  const { revocations } = options.authentication;
  const countChange = ({ userId }: Actor) => {
    if (userId !== SYSTEM.userId) chat.messageRate.spend(userId, "changes of this user");
  };
  const endpoints = new Endpoints(api, doorsOf(options));
  const shared = { chat, store, answers, clock, countChange };
  conversationEndpoints(endpoints, { ...shared, openGroups: options.openGroups });
  membershipEndpoints(endpoints, shared);
  inviteEndpoints(endpoints, shared);
  messageEndpoints(endpoints, shared);
  messageChangeEndpoints(endpoints, shared);
  const { search, searches } = options;
  searchEndpoints(endpoints, { ...shared, search, searches });
  presenceEndpoints(endpoints, shared);
  eventEndpoints(endpoints, { events: options.events, answers, origins: options.origins });
  blockEndpoints(endpoints, shared);
  const { files } = options;
  if (files !== null) {
    const countRequest = (remote: Remote) => requests.spend(remote);
    const { attachments } = chat;
    const counted = { countChange, countRequest };
    attachmentEndpoints(endpoints, { ...files, attachments, clock, ...counted });
  }
  notificationEndpoints(endpoints, { notifications: notifications?.users ?? null, countChange });
  deadLetterEndpoints(endpoints, { deadLetters: notifications?.deadLetters ?? null });
  webhookEndpoints(endpoints, { replay: notifications?.webhookReplay ?? null });
  userEndpoints(endpoints, { ...shared, exports: options.exports });
  const { health, nodes, topics, notices, nodeChanges, version } = options;
  serverEndpoints(endpoints, {
    ...{ application, revocations, topics, notices, nodeChanges, health, nodes, chat, version },
    failing: () => notifications?.failing() ?? [],
  });
  nodesEndpoints(endpoints, { nodes, health });
  healthEndpoints(endpoints, { health, clock });
  metricsEndpoint(endpoints, options.metrics, options.openMetrics);
  const document = openApiDocument(endpoints.routes, version);
  documentRoutes(api, document, options.requests);

  const refuse = (fault: unknown, context: Context<ApiEnvironment>) => {
    options.onRefusal(toAppError(fault).code);
    return problemResponse(fault, context, options.log);
  };
  api.notFound((context) => {
    const fault = new AppError(
      "NOT_FOUND",
      `There is no ${context.req.method} ${context.req.path}`,
    );
    return refuse(fault, context);
  });
  api.onError(refuse);
  return api;
}

/** As the IETF's draft on RateLimit header fields has it (draft-ietf-httpapi-ratelimit-headers). */
function tellRate(headers: Headers, standing: RateStanding | null): void {
  if (standing === null) return;
  const { burst, perSecond, left } = standing;
  const seconds = (tokens: number) => Math.ceil(tokens / perSecond);
  headers.set("ratelimit-policy", `"requests";q=${burst};w=${seconds(burst)}`);
  headers.set("ratelimit", `"requests";r=${left};t=${seconds(burst - left)}`);
}

function doorsOf(options: ApiOptions): Doors {
  const user = (context: Context<ApiEnvironment>) => callerOf(context, options);
  const server = (context: Context<ApiEnvironment>) => {
    assertServer(context, options);
    return null;
  };
  const isServer = (context: Context<ApiEnvironment>) =>
    options.apiKeys.isGiven((name) => context.req.header(name));
  return {
    anybody: () => null,
    user,
    server,
    isServer,
    actor: (context) => {
      if (!isServer(context)) return user(context);
      assertServer(context, options);
      options.answers.assertRoom(context.env.remote);
      const acting = actingUser(context);
      return acting === null ? SYSTEM : asKnown(acting, options);
    },
  };
}

/** In whose name the back end asks; null: its own. */
function actingUser({ req }: Context<ApiEnvironment>): Actor | null {
  const userId = headerText(req.header("x-user-id"));
  if (userId === undefined) return null;
  if (!idSchema.safeParse(userId).success) {
    throw new AppError("VALIDATION_FAILED", "X-User-Id: is no user's id");
  }
  return makePrincipal({ userId, name: headerText(req.header("x-user-name")), issuedMs: null });
}

/** Headers come byte for byte; where the bytes are UTF-8, that is what is meant. */
function headerText(value: string | undefined): string | undefined {
  if (value === undefined || /^[\x20-\x7e]*$/.test(value)) return value;
  const bytes = Buffer.from(value, "latin1");
  return isUtf8(bytes) ? bytes.toString() : value;
}

/** Throws unless the request has an API key. */
function assertServer(
  context: Context<ApiEnvironment>,
  { authentication: { failedLogins }, apiKeys }: ApiOptions,
): void {
  failedLogins.assertMayTry(context.env.remote);
  try {
    apiKeys.assertKnown((name) => context.req.header(name));
  } catch (fault) {
    failedLogins.note(context.env.remote, fault);
    throw fault;
  }
}

async function callerOf(context: Context<ApiEnvironment>, options: ApiOptions): Promise<Principal> {
  const { authentication, origins, requests, answers } = options;
  requests.spend(context.env.remote);
  const principal = await authentication.authenticate({
    header: (name) => headerText(context.req.header(name)),
    remote: context.env.remote,
  });
  refuseForgery(context.req.raw, principal, origins);
  answers.assertRoom(context.env.remote);
  return asKnown(principal, options);
}

/** By the name of their profile. Throws USER_BEING_ERASED. */
function asKnown<Somebody extends Actor>(
  actor: Somebody,
  { chat: { erasures, users } }: ApiOptions,
): MaybePromise<Somebody> {
  erasures.assertNone(actor.userId);
  return users.named(actor);
}
