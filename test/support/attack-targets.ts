/** What an attack is aimed at: Alice's conversation, and a message of it. */
export interface Victim {
  readonly conversationId: string;
  readonly messageId: string;
  /** In the message. */
  readonly attachmentId: string;
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
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** As the OpenAPI document has it. */
  readonly route: string;
  readonly path: (victim: Victim) => string;
  /** A text is a file. */
  readonly body?: object | string;
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
  const name = `${command} ${of({ conversationId: "{conversation}", messageId: "{message}", attachmentId: "" })}`;
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
  sends("/app/conversation.create", null, () => ({ memberIds: [] })),
  sends("/app/conversation.join", "INVITE_NOT_FOUND", () => ({ code: "guessed" })),
  ...(
    [
      ["update", { title: "Mine" }],
      ["add", { userId: "mallory" }],
      ["remove", { userId: "bob" }],
      ["leave", {}],
      ["role", { userId: "bob", role: "owner" }],
      ["preferences", { archived: true }],
    ] as const
  ).map(([name, rest]) =>
    sends(`/app/conversation.${name}`, "CONVERSATION_NOT_FOUND", ({ conversationId }) => ({
      ...{ conversationId, ...rest },
    })),
  ),
  ...(
    [
      ["edit", { content: "mine" }],
      ["delete", {}],
      ["react", { emoji: "👍" }],
      ["pin", { pinned: true }],
    ] as const
  ).map(([name, rest]) =>
    sends(`/app/message.${name}`, "MESSAGE_NOT_FOUND", ({ messageId }) => ({
      ...{ id: messageId, ...rest },
    })),
  ),
  sends("/app/user.presence", null, () => ({ status: "AWAY", userId: "alice" })),
  sends("/app/user.connect", "FORBIDDEN_DESTINATION", () => ({ userId: "alice" })),
  sends("/app/user.profile", null, () => ({ picture: null, userId: "alice" })),
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
  subscribes("/user/alice/queue/profiles", "FORBIDDEN_DESTINATION"),
  subscribes("/user/alice/queue/notices", "FORBIDDEN_DESTINATION"),
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

const ofConversation =
  (rest = "") =>
  ({ conversationId }: Victim) =>
    `/api/conversations/${conversationId}${rest}`;

/** Every route of the HTTP API. */
export const HTTP_TARGETS: readonly HttpTarget[] = [
  http("GET", "/api/conversations", null),
  http("POST", "/api/conversations", null, { body: { memberIds: ["mallory"] } }),
  ...(
    [
      ["GET", ""],
      ["PATCH", "", { title: "Mine" }],
      ["GET", "/members"],
      ["PATCH", "/preferences", { pinned: true }],
      ["PUT", "/members/{userId}"],
      ["DELETE", "/members/{userId}"],
      ["PATCH", "/members/{userId}", { role: "owner" }],
      ["POST", "/invites"],
      ["GET", "/invites"],
      ["DELETE", "/invites/{code}"],
      ["GET", "/messages"],
      ["GET", "/pins"],
      ["POST", "/messages", { content: "an attack" }],
    ] as const
  ).map(([method, rest, body]) =>
    http(method, `/api/conversations/{id}${rest}`, "CONVERSATION_NOT_FOUND", {
      path: ofConversation(rest.replace("{userId}", "bob").replace("{code}", "guessed")),
      ...(body && { body }),
    }),
  ),
  http("GET", "/api/invites/{code}", "INVITE_NOT_FOUND", { path: () => "/api/invites/guessed" }),
  http("POST", "/api/invites/{code}/join", "INVITE_NOT_FOUND", {
    path: () => "/api/invites/guessed/join",
  }),
  http("GET", "/api/messages/{id}/status", "MESSAGE_NOT_FOUND", {
    path: ({ messageId }) => `/api/messages/${messageId}/status`,
  }),
  http("POST", "/api/messages/{id}/read", "MESSAGE_NOT_FOUND", {
    path: ({ messageId }) => `/api/messages/${messageId}/read`,
  }),
  ...(
    [
      ["PATCH", "", { content: "mine" }],
      ["DELETE", ""],
      ["PUT", "/reaction", { emoji: "👍" }],
      ["DELETE", "/reaction"],
      ["PUT", "/pin"],
      ["DELETE", "/pin"],
      ["GET", "/versions"],
      ["GET", "/replies"],
    ] as const
  ).map(([method, rest, body]) =>
    http(method, `/api/messages/{id}${rest}`, "MESSAGE_NOT_FOUND", {
      path: ({ messageId }) => `/api/messages/${messageId}${rest}`,
      ...(body && { body }),
    }),
  ),
  http("GET", "/api/search", null, { path: () => "/api/search?q=needle" }),
  http("POST", "/api/attachments", null, { body: "a file of mine" }),
  ...(["GET", "DELETE"] as const).map((method) =>
    http(method, "/api/attachments/{id}", "ATTACHMENT_NOT_FOUND", {
      path: ({ attachmentId }) => `/api/attachments/${attachmentId}`,
    }),
  ),
  http("GET", "/files/{id}", "LINK_REFUSED", {
    ...{ by: "anybody" },
    path: ({ attachmentId }) => `/files/${attachmentId}?expires=9999999999&signature=forged`,
  }),
  http("GET", "/api/presence", null),
  http("GET", "/api/events", null, { path: () => "/api/events?wait=0&typing=alice" }),
  http("GET", "/api/blocks", null),
  http("PUT", "/api/blocks/{userId}", null, { path: () => "/api/blocks/alice" }),
  http("DELETE", "/api/blocks/{userId}", null, { path: () => "/api/blocks/alice" }),
  http("GET", "/api/notifications", null),
  http("PATCH", "/api/notifications", "CHANNEL_NOT_AVAILABLE", { body: { push: false } }),
  http("GET", "/api/notifications/targets", null),
  http("POST", "/api/notifications/targets", "CHANNEL_NOT_AVAILABLE", {
    body: { channel: "email", address: "mallory@example.org" },
  }),
  http("DELETE", "/api/notifications/targets/{id}", null, {
    path: ({ attachmentId }) => `/api/notifications/targets/${attachmentId}`,
  }),
  ...(
    [
      ["GET", ""],
      ["DELETE", ""],
      ["POST", "/replay"],
    ] as const
  ).map(([method, rest]) =>
    http(method, `/api/notifications/dead-letters${rest}`, "AUTHENTICATION_FAILED", {
      ...{ by: "server", ...(method !== "GET" && { body: { all: true } }) },
    }),
  ),
  http("GET", "/api/users", "NOT_PERMITTED"),
  ...(
    [
      ["GET", "", "USER_NOT_FOUND"],
      ["PATCH", "", "NOT_PERMITTED", { name: "Mallory" }],
      ["DELETE", "", "NOT_PERMITTED"],
      ["GET", "/export", "NOT_PERMITTED"],
    ] as const
  ).map(([method, rest, code, body]) =>
    http(method, `/api/users/{id}${rest}`, code, {
      ...{ path: () => `/api/users/alice${rest}`, ...(body && { body }) },
    }),
  ),
  ...(
    [
      ["PUT", ""],
      ["GET", "/erasure"],
    ] as const
  ).map(([method, rest]) =>
    http(method, `/api/users/{id}${rest}`, "AUTHENTICATION_FAILED", {
      ...{ by: "server", path: () => `/api/users/alice${rest}` },
    }),
  ),
  http("POST", "/api/broadcast", "AUTHENTICATION_FAILED", { by: "server" }),
  http("GET", "/api/websocket/health", null, { by: "anybody" }),
  http("GET", "/api/openapi.json", null, { by: "anybody" }),
  http("GET", "/api/docs", null, { by: "anybody" }),
  http("GET", "/healthz", null, { by: "anybody" }),
  http("GET", "/readyz", null, { by: "anybody" }),
  http("POST", "/api/webhooks/replay", "AUTHENTICATION_FAILED", { by: "server" }),
  http("POST", "/api/publish", "AUTHENTICATION_FAILED", { by: "server" }),
  http("GET", "/metrics", "AUTHENTICATION_FAILED", { by: "server" }),
  http("GET", "/api/stats", "AUTHENTICATION_FAILED", { by: "server" }),
  http("GET", "/api/nodes", "AUTHENTICATION_FAILED", { by: "server" }),
  ...(["users/{id}/disconnect", "users/{id}/revoke", "tokens/{id}/revoke"] as const).map((route) =>
    http("POST", `/api/${route}`, "AUTHENTICATION_FAILED", {
      ...{ by: "server", path: () => `/api/${route.replace("{id}", "alice")}` },
    }),
  ),
];

function http(
  method: HttpTarget["method"],
  route: string,
  code: string | null,
  rest: Partial<HttpTarget> = {},
): HttpTarget {
  return { ...{ method, route, path: () => route, by: "user", code }, ...rest };
}
