import type { ErrorTraits } from "./traits.ts";

/** Of the server as a whole, whatever is asked of it. See `ERRORS`. */
export const SERVER_ERRORS = {
  RATE_LIMITED: {
    status: 429,
    fatal: false,
    retryable: true,
    meaning:
      "More came than a limit by a rate allows: of the user's messages or other frames, of the address's connections, messages or failed logins. See limits.md; `retryAfterMs` says when to try again.",
  },
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
