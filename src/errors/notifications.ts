import type { ErrorTraits } from "./traits.ts";

/** Of telling users who are away. See `ERRORS`. */
export const NOTIFICATION_ERRORS = {
  CHANNEL_NOT_AVAILABLE: {
    status: 404,
    fatal: false,
    retryable: false,
    meaning:
      "The server does not tell users who are away by this channel, or by none at all; `GET /api/notifications` says by which it does.",
  },
  NO_EVENT_WEBHOOK: {
    status: 404,
    fatal: false,
    retryable: false,
    meaning: "The server has no `event_webhook.url`: there is nobody whom it tells of events.",
  },
  TOO_MANY_TARGETS: {
    status: 409,
    fatal: false,
    retryable: false,
    meaning: "The user is reached in 20 places already; remove one of them first.",
  },
} as const satisfies Record<string, ErrorTraits>;
