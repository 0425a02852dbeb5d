import { type Context, Hono } from "hono";
import { z } from "zod";
import type { ChatApplication } from "../app/chat-application.ts";
import { idSchema, validate } from "../app/schemas.ts";
import type { AddressRate } from "../auth/address-rate.ts";
import type { ApiKeys } from "../auth/api-keys.ts";
import type { Authentication } from "../auth/authentication.ts";
import type { Principal } from "../auth/principal.ts";
import type { Remote } from "../auth/remote.ts";
import type { Chat } from "../chat/chat.ts";
import { messageStatusView, messageView, statusFor } from "../chat/events.ts";
import type { ChatStore } from "../chat/ports.ts";
import type { UserPresence } from "../chat/presence.ts";
import { messageNotFound } from "../chat/receipts.ts";
import { type Clock, isoTime } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { Log } from "../log.ts";
import { areCookiesTrusted, isOriginAllowed, type OriginPolicy } from "../transport/origin.ts";
import { blockRoutes } from "./blocks-api.ts";
import { allowOrigin, preflight } from "./cors.ts";
import { refuseForgery } from "./csrf.ts";
import type { HealthSource } from "./health.ts";
import { healthDocument, unreadiness } from "./health.ts";
import type { LargeAnswers } from "./large-answers.ts";
import { membershipRoutes } from "./membership-api.ts";
import { problemResponse } from "./problem.ts";
import { DATA_HEADERS, withHeaders } from "./security-headers.ts";
import { serverRoutes } from "./server-api.ts";

export interface ApiOptions {
  readonly authentication: Authentication;
  readonly apiKeys: ApiKeys;
  /** What users may ask. */
  readonly requests: AddressRate;
  readonly answers: LargeAnswers;
  readonly application: ChatApplication;
  readonly chat: Chat;
  readonly store: ChatStore;
  readonly health: HealthSource;
  readonly origins: OriginPolicy;
  readonly clock: Clock;
  readonly log: Log;
}

const LONGEST_PAGE = 200;

const wholeNumber = z.coerce.number().int().nonnegative();
const limitSchema = z.coerce.number().int().min(1).max(LONGEST_PAGE).default(50);

const historySchema = z.object({
  before: wholeNumber.optional(),
  after: wholeNumber.optional(),
  limit: limitSchema,
});

const listSchema = z.object({ limit: limitSchema });

const presenceSchema = z.object({
  users: z
    .string()
    .transform((text) => text.split(",").filter((userId) => userId !== ""))
    .pipe(z.array(idSchema).max(LONGEST_PAGE))
    .optional(),
  limit: limitSchema,
});

/** What a request to the API comes with. */
export interface ApiEnvironment {
  readonly Bindings: { readonly remote: Remote };
}

/** The HTTP API under `/api`. */
export function createApi(options: ApiOptions): Hono<ApiEnvironment> {
  const { chat, store, clock, answers } = options;
  const api = new Hono<ApiEnvironment>();
  const caller = (context: Context<ApiEnvironment>) => callerOf(context, options);

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
    context.res.headers.set("cache-control", "no-store");
    withHeaders(context.res, DATA_HEADERS);
    return undefined;
  });

  api.get("/api/websocket/health", (context) => {
    const document = healthDocument(options.health, clock.now());
    return context.json(document, document.status === "DOWN" ? 503 : 200);
  });

  api.get("/healthz", (context) => context.text("alive\n"));

  api.get("/readyz", (context) => {
    const reason = unreadiness(options.health);
    return reason === null ? context.text("ready\n") : context.text(`${reason}\n`, 503);
  });

  api.get("/api/conversations", async (context) => {
    const { userId } = await caller(context);
    const { limit } = validate(listSchema, context.req.query());
    const overviews = await store.conversationsOf(userId, limit);
    const views = await Promise.all(
      overviews.map(async ({ id, kind, lastMessage }) => {
        const conversation = await chat.conversations.find(id);
        const member = conversation?.members.get(userId);
        if (!conversation || !member) return []; // Has left, and the disk does not know it yet.
        const isSeen = lastMessage !== null && conversation.isFor(userId, lastMessage.seq);
        const last = isSeen
          ? messageView(lastMessage, statusFor(userId, lastMessage, conversation))
          : null;
        const memberIds = [...conversation.members.keys()];
        const { deliveredSeq, readSeq } = member;
        const lastSeq = conversation.committedSeq;
        return [{ id, kind, memberIds, lastSeq, deliveredSeq, readSeq, lastMessage: last }];
      }),
    );
    return answers.json(context, { conversations: views.flat() });
  });

  api.get("/api/conversations/:id/messages", async (context) => {
    const { userId } = await caller(context);
    const { id, members } = await chat.conversations.findFor(userId, context.req.param("id"));
    const { before, after, limit } = validate(historySchema, context.req.query());
    const joinedSeq = members.get(userId)?.joinedSeq ?? 0;
    const messages = await store.history({
      conversationId: id,
      beforeSeq: before,
      afterSeq: after === undefined ? undefined : Math.max(after, joinedSeq),
      limit,
    });
    // Anew: the caller may have left while the store was read.
    const conversation = await chat.conversations.findFor(userId, id);
    return answers.json(context, {
      messages: messages
        .filter(({ seq }) => conversation.isFor(userId, seq))
        .map((message) => messageView(message, statusFor(userId, message, conversation))),
    });
  });

  api.get("/api/messages/:id/status", async (context) => {
    const { userId } = await caller(context);
    const id = context.req.param("id");
    const message = await store.messageById(id);
    // From the store: what is told here once is not taken back by a crash.
    const stored = message && (await store.conversation(message.conversationId));
    if (!message || !stored) throw messageNotFound(id);
    const conversation = await chat.conversations.find(stored.id);
    if (!conversation?.isFor(userId, message.seq)) throw messageNotFound(id);
    return context.json(messageStatusView(message, stored));
  });

  api.get("/api/presence", async (context) => {
    const { userId } = await caller(context);
    const { users, limit } = validate(presenceSchema, context.req.query());
    const isVisible = await chat.visibility.viewOf(userId);
    const found =
      users === undefined
        ? chat.presence.online(limit, isVisible)
        : await chat.presence.of(users.filter(isVisible));
    return context.json({ users: found.map(presenceView) });
  });

  const assertServer = (context: Context<ApiEnvironment>) => {
    const { failedLogins } = options.authentication;
    failedLogins.assertMayTry(context.env.remote);
    try {
      options.apiKeys.assertKnown((name) => context.req.header(name));
    } catch (fault) {
      failedLogins.note(context.env.remote, fault);
      throw fault;
    }
  };
  const { application } = options;
  const { revocations } = options.authentication;
  serverRoutes(api, { application, revocations, assertServer });
  blockRoutes(api, { chat, caller, answers });
  membershipRoutes(api, { membership: chat.membership, assertServer });

  api.notFound((context) => {
    const fault = new AppError(
      "NOT_FOUND",
      `There is no ${context.req.method} ${context.req.path}`,
    );
    return problemResponse(fault, context, options.log);
  });
  api.onError((fault, context) => problemResponse(fault, context, options.log));
  return api;
}

async function callerOf(
  context: Context<ApiEnvironment>,
  { authentication, origins, requests, answers }: ApiOptions,
): Promise<Principal> {
  requests.spend(context.env.remote);
  const principal = await authentication.authenticate({
    header: (name) => context.req.header(name),
    remote: context.env.remote,
  });
  refuseForgery(context.req.raw, principal, origins);
  answers.assertRoom(context.env.remote);
  return principal;
}

function presenceView({ userId, name, status, lastSeenMs }: UserPresence) {
  return { userId, name, status, lastSeen: isoTime(lastSeenMs) };
}
