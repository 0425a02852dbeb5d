import type { ErrorTraits } from "./traits.ts";

/** Of work queues. See `ERRORS`. */
export const QUEUE_ERRORS = {
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
} as const satisfies Record<string, ErrorTraits>;
