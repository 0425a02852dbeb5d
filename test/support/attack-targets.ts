/** What an attack is aimed at: Alice's conversation, and a message of it. */
export interface Victim {
  readonly conversationId: string;
  readonly messageId: string;
}

/** A frame to a destination, and how it is answered to a user whom it is not for. */
export interface StompTarget {
  readonly name: string;
  readonly command: "SEND" | "SUBSCRIBE";
  readonly destination: (victim: Victim) => string;
  readonly body: (victim: Victim) => object | string;
  /** The code of the refusal; null: everybody who is signed in may do so, and does no harm by it. */
  readonly code: string | null;
}

export interface HttpTarget {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** As the source has it. */
  readonly route: string;
  readonly path: (victim: Victim) => string;
  readonly body?: object;
  /** Who is meant to use it. */
  readonly by: "user" | "server" | "anybody";
  /** Of the refusal to a user who is not concerned; null: the answer is about the caller alone. */
  readonly code: string | null;
}

const sends = (
  destination: string | ((victim: Victim) => string),
  code: string | null,
  body: (victim: Victim) => object | string = () => "x",
): StompTarget => target("SEND", destination, code, body);

const subscribes = (
  destination: string | ((victim: Victim) => string),
  code: string | null,
): StompTarget => target("SUBSCRIBE", destination, code, () => "");

function target(
  command: "SEND" | "SUBSCRIBE",
  destination: string | ((victim: Victim) => string),
  code: string | null,
  body: (victim: Victim) => object | string,
): StompTarget {
  const of = typeof destination === "string" ? () => destination : destination;
  const name = `${command} ${of({ conversationId: "{conversation}", messageId: "{message}" })}`;
  return { name, command, destination: of, body, code };
}

/** Every destination that there is, in `alice`'s name or about her conversation. */
export const STOMP_TARGETS: readonly StompTarget[] = [
  sends("/app/chat.send", "CONVERSATION_NOT_FOUND", ({ conversationId }) => ({
    ...{ conversationId, content: "an attack", clientMessageId: "attack-1" },
  })),
  sends(
    ({ conversationId }) => `/app/chat.typing/${conversationId}`,
    "CONVERSATION_NOT_FOUND",
    () => ({
      isTyping: true,
    }),
  ),
  sends("/app/chat.read", "MESSAGE_NOT_FOUND", ({ messageId }) => ({ id: messageId })),
  sends("/app/chat.sync", null, ({ conversationId }) => ({
    conversations: { [conversationId]: 0 },
  })),
  sends("/app/user.presence", null, () => ({ status: "AWAY", userId: "alice" })),
  sends("/app/user.connect", "FORBIDDEN_DESTINATION", () => ({ userId: "alice" })),
  sends("/app/auth.refresh", "REFRESH_REFUSED", () => ({ token: "forged" })),
  sends("/app/nothing", "UNKNOWN_DESTINATION"),
  sends("/user/alice/queue/messages", "FORBIDDEN_DESTINATION"),
  sends("/user/queue/messages", "FORBIDDEN_DESTINATION"),
  sends("/topic/presence", "FORBIDDEN_DESTINATION"),
  sends(({ conversationId }) => `/topic/typing/${conversationId}`, "FORBIDDEN_DESTINATION"),
  sends("/topic/staff/news", "FORBIDDEN_DESTINATION"),
  sends("/topic/unruled", "FORBIDDEN_DESTINATION"),
  sends("/topic/**", "UNKNOWN_DESTINATION"),
  sends("/queue/staff", "FORBIDDEN_DESTINATION"),
  sends("/queue/dead-letter/staff", "FORBIDDEN_DESTINATION"),
  subscribes("/user/alice/queue/messages", "FORBIDDEN_DESTINATION"),
  subscribes("/user/alice/queue/confirmations", "FORBIDDEN_DESTINATION"),
  subscribes("/user/alice/queue/receipts", "FORBIDDEN_DESTINATION"),
  subscribes("/user/alice/queue/errors", "FORBIDDEN_DESTINATION"),
  subscribes("/user/*/queue/messages", "FORBIDDEN_DESTINATION"),
  subscribes("/user/alice/queue/other", "UNKNOWN_DESTINATION"),
  subscribes("/user/queue/receipts", null),
  subscribes("/topic/presence", null),
  subscribes(({ conversationId }) => `/topic/typing/${conversationId}`, "CONVERSATION_NOT_FOUND"),
  subscribes("/topic/typing/*", "UNKNOWN_DESTINATION"),
  subscribes("/topic/staff/news", "FORBIDDEN_DESTINATION"),
  subscribes("/topic/staff/*", "FORBIDDEN_DESTINATION"),
  subscribes("/topic/**", "FORBIDDEN_DESTINATION"),
  subscribes("/topic/#", "FORBIDDEN_DESTINATION"),
  subscribes("/queue/staff", "FORBIDDEN_DESTINATION"),
  subscribes("/queue/dead-letter/staff", "FORBIDDEN_DESTINATION"),
  subscribes("/app/chat.send", "FORBIDDEN_DESTINATION"),
];

/** Every route of the HTTP API. */
export const HTTP_TARGETS: readonly HttpTarget[] = [
  { ...get("/api/conversations"), code: null },
  {
    ...get("/api/conversations/:id/messages"),
    path: ({ conversationId }) => `/api/conversations/${conversationId}/messages`,
    code: "CONVERSATION_NOT_FOUND",
  },
  {
    ...get("/api/messages/:id/status"),
    path: ({ messageId }) => `/api/messages/${messageId}/status`,
    code: "MESSAGE_NOT_FOUND",
  },
  { ...get("/api/presence"), code: null },
  { ...get("/api/blocks"), code: null },
  {
    ...{ method: "PUT", route: "/api/blocks/:userId", path: () => "/api/blocks/alice" },
    ...{ by: "user", code: null },
  },
  {
    ...{ method: "DELETE", route: "/api/blocks/:userId", path: () => "/api/blocks/alice" },
    ...{ by: "user", code: null },
  },
  { ...get("/api/websocket/health"), by: "anybody", code: null },
  { ...get("/healthz"), by: "anybody", code: null },
  { ...get("/readyz"), by: "anybody", code: null },
  server("POST", "/api/users/:id/disconnect", () => "/api/users/alice/disconnect"),
  server("POST", "/api/users/:id/revoke", () => "/api/users/alice/revoke"),
  server("POST", "/api/tokens/:id/revoke", () => "/api/tokens/alice-token/revoke"),
  server("POST", "/api/conversations", () => "/api/conversations", { memberIds: ["mallory"] }),
  server(
    "PUT",
    "/api/conversations/:id/members/:userId",
    ({ conversationId }) => `/api/conversations/${conversationId}/members/mallory`,
  ),
  server(
    "DELETE",
    "/api/conversations/:id/members/:userId",
    ({ conversationId }) => `/api/conversations/${conversationId}/members/bob`,
  ),
];

function get(route: string) {
  return { method: "GET", route, path: () => route, by: "user" } as const;
}

function server(
  method: HttpTarget["method"],
  route: string,
  path: HttpTarget["path"],
  body?: object,
): HttpTarget {
  return {
    method,
    route,
    path,
    by: "server",
    code: "AUTHENTICATION_FAILED",
    ...(body && { body }),
  };
}
