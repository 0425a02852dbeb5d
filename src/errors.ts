import { ACCESS_ERRORS } from "./errors/access.ts";
import { ATTACHMENT_ERRORS } from "./errors/attachments.ts";
import { CHAT_ERRORS } from "./errors/chat.ts";
import { NOTIFICATION_ERRORS } from "./errors/notifications.ts";
import { PROTOCOL_ERRORS } from "./errors/protocol.ts";
import { QUEUE_ERRORS } from "./errors/queues.ts";
import { SERVER_ERRORS } from "./errors/server.ts";
import type { ErrorTraits } from "./errors/traits.ts";

/** The one table of everything that Parley refuses. `docs/errors.md` is generated from it, in its order. */
export const ERRORS = {
  ...PROTOCOL_ERRORS,
  ...ACCESS_ERRORS,
  ...QUEUE_ERRORS,
  ...CHAT_ERRORS,
  ...ATTACHMENT_ERRORS,
  ...NOTIFICATION_ERRORS,
  ...SERVER_ERRORS,
} as const satisfies Record<string, ErrorTraits>;

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
