import { Hono } from "hono";
import { ApiKeys } from "../../src/auth/api-keys.ts";
import { makePrincipal } from "../../src/auth/authenticator.ts";
import { type Actor, SYSTEM } from "../../src/chat/actor.ts";
import { AppError } from "../../src/errors.ts";
import type { ApiEnvironment } from "../../src/http/api.ts";
import { deadLetterEndpoints } from "../../src/http/dead-letters-api.ts";
import { type Doors, Endpoints } from "../../src/http/endpoint.ts";
import { notificationEndpoints } from "../../src/http/notifications-api.ts";
import { problemResponse } from "../../src/http/problem.ts";
import { webhookEndpoints } from "../../src/http/webhooks-api.ts";
import { newUuid } from "../../src/ids.ts";
import { silentLog } from "../../src/log.ts";
import { DeadLetters } from "../../src/notify/dead-letters.ts";
import { Notifications } from "../../src/notify/notifications.ts";
import { OutboundAddresses } from "../../src/notify/outbound-addresses.ts";
import { refusalOfUrl } from "../../src/notify/outbound-url.ts";
import { NOTICE_CHANNELS } from "../../src/notify/provider.ts";
import type { WebhookReplay } from "../../src/notify/webhook-replay.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { FakeClock } from "./fake-clock.ts";
import { NOW_MS } from "./noticed.ts";
import { LOCAL } from "./remote.ts";
import { API_KEY } from "./tokens.ts";

export const WEB_PUSH_KEY = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcx";

export interface NotificationsServer {
  readonly url: string;
  readonly clock: FakeClock;
  /** Who has changed something. */
  readonly changes: string[];
  stop(): Promise<void>;
}

/**
 * The routes of notifications alone, over HTTP. Users are named by `X-User-Id`, the back end has
 * `API_KEY`. Without a store nothing is set up.
 */
export function startNotifications(
  store: Storage["notices"] | null,
  webhookReplay: Pick<WebhookReplay, "add"> | null = null,
): NotificationsServer {
  const clock = new FakeClock(NOW_MS);
  const changes: string[] = [];
  const api = new Hono<ApiEnvironment>();
  const endpoints = new Endpoints(api, doors());
  const notifications =
    store &&
    new Notifications({
      ...{ store, channels: NOTICE_CHANNELS, webPushKey: WEB_PUSH_KEY, clock, newId: newUuid },
      refusalOf: (endpoint) => refusalOfUrl(endpoint, new OutboundAddresses([])),
    });
  notificationEndpoints(endpoints, {
    notifications,
    countChange: ({ userId }: Actor) => changes.push(userId),
  });
  deadLetterEndpoints(endpoints, {
    deadLetters: store && new DeadLetters({ store, clock, newId: newUuid, onReplay() {} }),
  });
  webhookEndpoints(endpoints, { replay: webhookReplay });
  api.onError((fault, context) => problemResponse(fault, context, silentLog));
  const bindings = { remote: LOCAL, bodyBytes: 100_000, takeTime: () => ({ done() {} }) };
  const server = Bun.serve({
    ...{ hostname: "127.0.0.1", port: 0 },
    fetch: (request) => api.fetch(request, bindings),
  });
  const url = `http://127.0.0.1:${server.port}`;
  return { url, clock, changes, stop: () => server.stop(true) };
}

function doors(): Doors {
  const keys = new ApiKeys([API_KEY]);
  const user: Doors["user"] = ({ req }) => {
    const userId = req.header("x-user-id");
    if (userId === undefined) throw new AppError("AUTHENTICATION_REQUIRED", "Nobody asks");
    return makePrincipal({ userId, name: undefined, issuedMs: null });
  };
  const isServer: Doors["isServer"] = ({ req }) => keys.isGiven((name) => req.header(name));
  const server: Doors["server"] = ({ req }) => {
    keys.assertKnown((name) => req.header(name));
    return null;
  };
  return {
    anybody: () => null,
    ...{ user, server, isServer },
    actor(context) {
      if (!isServer(context)) return user(context);
      server(context);
      return context.req.header("x-user-id") === undefined ? SYSTEM : user(context);
    },
  };
}
