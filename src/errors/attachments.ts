import type { ErrorTraits } from "./traits.ts";

/** Of files of messages. See `ERRORS`. */
export const ATTACHMENT_ERRORS = {
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
} as const satisfies Record<string, ErrorTraits>;
