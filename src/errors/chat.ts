import type { ErrorTraits } from "./traits.ts";

/** Of what is sent to chat, or asked of it. See `ERRORS`. */
export const CHAT_ERRORS = {
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
    meaning:
      "The caller's role in the group does not allow it, or it is another user's or the back end's to do.",
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
} as const satisfies Record<string, ErrorTraits>;
