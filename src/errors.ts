/**
 * The one table of everything that Parley refuses. `docs/errors.md` is generated from it.
 *
 * - `status`: what the HTTP API answers.
 * - `fatal`: over STOMP, `true` is an ERROR frame and the end of the connection; `false` is a
 *   message on the connection's `/user/queue/errors`.
 * - `retryable`: the same request may succeed later without being changed.
 */
export const ERRORS = {
  // The protocol.
  MALFORMED_FRAME: {
    status: 400,
    fatal: true,
    retryable: false,
    meaning: "The bytes are not a STOMP frame of the negotiated version, or not a SockJS message.",
  },
  FRAME_TOO_LARGE: {
    status: 413,
    fatal: true,
    retryable: false,
    meaning:
      "A frame is larger than `limits.frame_bytes`, or than `limits.connect_frame_bytes` before CONNECT is accepted.",
  },
  HEADER_LIMIT_EXCEEDED: {
    status: 431,
    fatal: true,
    retryable: false,
    meaning:
      "A frame has more headers than `limits.headers`, or a header line longer than `limits.header_line_bytes`.",
  },
  UNSUPPORTED_VERSION: {
    status: 400,
    fatal: true,
    retryable: false,
    meaning: "CONNECT offers none of STOMP 1.0, 1.1 and 1.2.",
  },
  UNKNOWN_COMMAND: {
    status: 400,
    fatal: true,
    retryable: false,
    meaning: "The frame's command is none that a client may send.",
  },
  MISSING_HEADER: {
    status: 400,
    fatal: true,
    retryable: false,
    meaning: "The frame lacks a header that its command needs.",
  },
  INVALID_HEADER: {
    status: 400,
    fatal: true,
    retryable: false,
    meaning: "A header has a value that its command does not allow.",
  },
  NOT_CONNECTED: {
    status: 401,
    fatal: true,
    retryable: false,
    meaning: "A frame came before CONNECT.",
  },
  ALREADY_CONNECTED: {
    status: 400,
    fatal: true,
    retryable: false,
    meaning: "A second CONNECT came on one connection.",
  },
  CONNECT_TIMEOUT: {
    status: 408,
    fatal: true,
    retryable: true,
    meaning: "No CONNECT came within `limits.connect_ms` of the connection's opening.",
  },
  HEARTBEAT_TIMEOUT: {
    status: 408,
    fatal: true,
    retryable: true,
    meaning: "The client promised heart-beats and has been silent for twice their interval.",
  },
  SUBSCRIPTION_ID_IN_USE: {
    status: 409,
    fatal: true,
    retryable: false,
    meaning: "The subscription id stands for another destination or ack mode on this connection.",
  },
  TOO_MANY_SUBSCRIPTIONS: {
    status: 429,
    fatal: true,
    retryable: false,
    meaning:
      "The connection holds `limits.subscriptions` subscriptions already, or `limits.patterns` with wildcards; or its user `limits.patterns_per_user`.",
  },
  TOO_MANY_PENDING_FRAMES: {
    status: 429,
    fatal: true,
    retryable: true,
    meaning: "The client sent on and on while the server was still busy with an earlier frame.",
  },
  TOO_MANY_UNACKNOWLEDGED: {
    status: 429,
    fatal: true,
    retryable: false,
    meaning:
      "The subscription holds `limits.unacknowledged_messages` messages, or `limits.unacknowledged_bytes` of them, that the client has not acknowledged.",
  },
  TOO_MANY_CONNECTIONS: {
    status: 429,
    fatal: true,
    retryable: true,
    meaning:
      "The user has `limits.connections_per_user` connections already, or the client's address `limits.connections_per_address`, or `limits.strangers_per_address` that have sent no CONNECT yet.",
  },
  SERVER_FULL: {
    status: 503,
    fatal: true,
    retryable: true,
    meaning:
      "The server has `limits.connections` connections, or they hold `limits.buffered_bytes`; those that hold the most are closed. Or a quarter of that is in answers of the HTTP API that their clients do not take.",
  },
  UNKNOWN_ACK: {
    status: 400,
    fatal: true,
    retryable: false,
    meaning: "ACK or NACK names a message that waits for no acknowledgement.",
  },
  TRANSACTION_IN_USE: {
    status: 409,
    fatal: true,
    retryable: false,
    meaning: "BEGIN names a transaction that is open already on this connection.",
  },
  UNKNOWN_TRANSACTION: {
    status: 400,
    fatal: true,
    retryable: false,
    meaning: "The frame names a transaction that is not open on this connection.",
  },
  TRANSACTION_LIMIT_EXCEEDED: {
    status: 429,
    fatal: true,
    retryable: false,
    meaning:
      "The connection's open transactions are more than `limits.transactions`, or hold more than `limits.transaction_frames` frames or `limits.transaction_bytes` bytes.",
  },

  // Who may.
  AUTHENTICATION_REQUIRED: {
    status: 401,
    fatal: true,
    retryable: false,
    meaning: "CONNECT, or the request, names nobody.",
  },
  AUTHENTICATION_FAILED: {
    status: 401,
    fatal: true,
    retryable: false,
    meaning: "The token or the named user is not accepted.",
  },
  TOKEN_EXPIRED: {
    status: 401,
    fatal: true,
    retryable: false,
    meaning: "The token was valid once, and is no more.",
  },
  AUTHENTICATION_UNAVAILABLE: {
    status: 503,
    fatal: true,
    retryable: true,
    meaning:
      "Who this is cannot be found out now: the app's endpoint (`webhook.url`) or the issuer's keys (`jwt.jwks_url`) cannot be had. Connect again later.",
  },
  TOKEN_REVOKED: {
    status: 401,
    fatal: true,
    retryable: false,
    meaning: "The token was taken back before its time, by itself or with all of its user's.",
  },
  TOKEN_EXPIRING: {
    status: 401,
    fatal: false,
    retryable: false,
    meaning:
      "A warning: the connection ends at `expiresAt` unless `/app/auth.refresh` brings a new token.",
  },
  REFRESH_REFUSED: {
    status: 401,
    fatal: false,
    retryable: false,
    meaning:
      "The token that `/app/auth.refresh` brought is not accepted; the connection goes on as long as its own one. With `retryAfterMs`, it could not be looked at, and may be sent again then.",
  },
  DISCONNECTED: {
    status: 403,
    fatal: true,
    retryable: true,
    meaning: "The app's back end has ended the connections of this user.",
  },
  ORIGIN_FORBIDDEN: {
    status: 403,
    fatal: true,
    retryable: false,
    meaning: "The browser's Origin is not on the allow-list (`http.allowed_origins`).",
  },
  CSRF_REJECTED: {
    status: 403,
    fatal: false,
    retryable: false,
    meaning:
      "A request that a cookie vouches for changes something, or asks for the user's events, and does not say that it comes from a page that may (`Origin`, `Sec-Fetch-Site`).",
  },
  FORBIDDEN_DESTINATION: {
    status: 403,
    fatal: false,
    retryable: false,
    meaning: "The destination belongs to another user, or to the server alone.",
  },
  UNKNOWN_DESTINATION: {
    status: 404,
    fatal: false,
    retryable: false,
    meaning: "There is no such destination.",
  },

  QUEUE_FULL: {
    status: 503,
    fatal: false,
    retryable: true,
    meaning:
      "The work queue holds `limits.queue_messages` messages, all queues together `limits.queue_bytes`, or there are `limits.queues` queues.",
  },
  QUEUE_REFUSED: {
    status: 403,
    fatal: true,
    retryable: false,
    meaning:
      "The work queues are RabbitMQ's, and it does not let Parley use this one: its name cannot be, Parley's user may not, or somebody else has made it in another way.",
  },
  BROKER_UNAVAILABLE: {
    status: 503,
    fatal: false,
    retryable: true,
    meaning:
      "The work queues are RabbitMQ's, and it cannot be reached or does not take more. A message whose connection was lost on the way may be there all the same.",
  },

  // Chat.
  INVALID_JSON: { status: 400, fatal: false, retryable: false, meaning: "The body is not JSON." },
  VALIDATION_FAILED: {
    status: 422,
    fatal: false,
    retryable: false,
    meaning:
      "The body or the query lacks a field or has one of the wrong form; the message names it.",
  },
  CONVERSATION_NOT_FOUND: {
    status: 404,
    fatal: false,
    retryable: false,
    meaning: "There is no such conversation, or the caller is not a member of it.",
  },
  CONVERSATION_EXISTS: {
    status: 409,
    fatal: false,
    retryable: false,
    meaning: "The id stands for another conversation, or for one with other members.",
  },
  NOT_PERMITTED: {
    status: 403,
    fatal: false,
    retryable: false,
    meaning: "The caller's role in the group does not allow it.",
  },
  INVITE_NOT_FOUND: {
    status: 404,
    fatal: false,
    retryable: false,
    meaning: "There is no such link into a group, or it has been revoked, or has expired.",
  },
  USER_NOT_FOUND: {
    status: 404,
    fatal: false,
    retryable: false,
    meaning: "There is no such user, or none of whom the caller may know.",
  },
  USER_BEING_ERASED: {
    status: 409,
    fatal: true,
    retryable: true,
    meaning:
      "The user is being removed: until that is done, nothing is taken from them or in their name.",
  },
  BLOCKED: {
    status: 403,
    fatal: false,
    retryable: false,
    meaning:
      "One of the two users of a direct conversation, or of who is added to a group and who adds them, has blocked the other.",
  },
  TOO_MANY_BLOCKS: {
    status: 409,
    fatal: false,
    retryable: false,
    meaning: "The user blocks `limits.blocks` others already.",
  },
  NOT_SUBSCRIBED: {
    status: 409,
    fatal: false,
    retryable: false,
    meaning: "The subscription that the sync was for has ended.",
  },
  MESSAGE_NOT_FOUND: {
    status: 404,
    fatal: false,
    retryable: false,
    meaning: "There is no such message, or the caller is not a member of its conversation.",
  },
  ATTACHMENT_NOT_FOUND: {
    status: 404,
    fatal: false,
    retryable: false,
    meaning:
      "There is no such attachment, or it is not the caller's to see, or for a message of theirs. One that was in no message for `attachments.unsent_ms` has gone.",
  },
  ATTACHMENT_IN_USE: {
    status: 409,
    fatal: false,
    retryable: false,
    meaning: "The attachment is in a message already; upload the file again for another one.",
  },
  ATTACHMENT_TOO_LARGE: {
    status: 413,
    fatal: false,
    retryable: false,
    meaning: "The file is larger than `attachments.max_bytes`.",
  },
  ATTACHMENT_TYPE_REFUSED: {
    status: 415,
    fatal: false,
    retryable: false,
    meaning: "The file is, by what is in it, of no type of `attachments.types`, or it is empty.",
  },
  ATTACHMENT_QUOTA_EXCEEDED: {
    status: 409,
    fatal: false,
    retryable: false,
    meaning:
      "The user's files take `attachments.user_bytes` with this one; delete messages with files first.",
  },
  UPLOAD_INCOMPLETE: {
    status: 408,
    fatal: false,
    retryable: true,
    meaning: "The file did not come whole, or not within `attachments.upload_ms`.",
  },
  LINK_REFUSED: {
    status: 403,
    fatal: false,
    retryable: false,
    meaning:
      "The link to a file has expired, or the server has not made it; ask for a new one at `/api/attachments/{id}`.",
  },
  RATE_LIMITED: {
    status: 429,
    fatal: false,
    retryable: true,
    meaning:
      "More came than a limit by a rate allows: of the user's messages or other frames, of the address's connections, messages or failed logins. See limits.md; `retryAfterMs` says when to try again.",
  },

  // The server.
  STORAGE_UNAVAILABLE: {
    status: 503,
    fatal: false,
    retryable: true,
    meaning:
      "The store cannot write, or is too far behind. Nothing was confirmed; send again later.",
  },
  SHUTTING_DOWN: {
    status: 503,
    fatal: false,
    retryable: true,
    meaning: "The server is stopping; connect again.",
  },
  NOT_FOUND: {
    status: 404,
    fatal: false,
    retryable: false,
    meaning: "There is no such page or route.",
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    fatal: false,
    retryable: false,
    meaning: "The route does not answer this HTTP method.",
  },
  INVALID_CONFIGURATION: {
    status: 500,
    fatal: true,
    retryable: false,
    meaning: "A setting is wrong or missing; the server does not start.",
  },
  DATABASE_DAMAGED: {
    status: 500,
    fatal: true,
    retryable: false,
    meaning:
      "The database, or a backup, fails its checks; the server does not start with it. `parley restore` puts a backup in its place.",
  },
  INTERNAL: {
    status: 500,
    fatal: false,
    retryable: false,
    meaning: "A fault in Parley. It is logged on the server; nothing of it is told.",
  },
} as const satisfies Record<string, ErrorTraits>;

export interface ErrorTraits {
  readonly status: number;
  readonly fatal: boolean;
  readonly retryable: boolean;
  readonly meaning: string;
}

export type ErrorCode = keyof typeof ERRORS;

/** What a client needs to know which of its requests failed. */
export interface ErrorDetails {
  readonly clientMessageId?: string;
  /** The server keeps what it refused, and tries again when that may succeed. */
  readonly isProvisional?: boolean;
  /** When to try again; each client is given another time, so that they do not all come at once. */
  readonly retryAfterMs?: number;
  /** ISO 8601: when the connection's token ends. */
  readonly expiresAt?: string;
}

/** Everything that Parley throws on purpose. `message` is for the client to read: no secrets, no bodies. */
export class AppError extends Error {
  override readonly name = "AppError";

  constructor(
    readonly code: ErrorCode,
    message: string,
    options: { readonly cause?: unknown; readonly details?: ErrorDetails } = {},
  ) {
    super(message, options);
    this.details = options.details ?? {};
  }

  readonly details: ErrorDetails;

  get traits(): ErrorTraits {
    return ERRORS[this.code];
  }
}

/** An AppError as it is; anything else becomes INTERNAL with the fault as its cause, for the log only. */
export function toAppError(fault: unknown): AppError {
  if (fault instanceof AppError) return fault;
  return new AppError("INTERNAL", "internal error", { cause: fault });
}

/** The value of HTTP's Retry-After, in seconds. */
export function retryAfter({ details }: AppError): string {
  return `${Math.max(1, Math.ceil((details.retryAfterMs ?? 0) / 1_000))}`;
}
