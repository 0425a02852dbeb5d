import type { ErrorCode } from "../errors.ts";

/** The WebSocket close code that follows an ERROR frame [RFC 6455 §7.4.1]. */
export function closeCodeFor(code: ErrorCode): number {
  switch (code) {
    case "FRAME_TOO_LARGE":
      return 1009;
    case "AUTHENTICATION_REQUIRED":
    case "AUTHENTICATION_FAILED":
    case "TOKEN_EXPIRED":
    case "TOKEN_REVOKED":
    case "DISCONNECTED":
    case "ORIGIN_FORBIDDEN":
    case "NOT_CONNECTED":
    case "CONNECT_TIMEOUT":
    case "HEARTBEAT_TIMEOUT":
    case "TOO_MANY_SUBSCRIPTIONS":
    case "TOO_MANY_PENDING_FRAMES":
    case "TOO_MANY_UNACKNOWLEDGED":
    case "TRANSACTION_LIMIT_EXCEEDED":
    case "FORBIDDEN_DESTINATION":
    case "UNKNOWN_DESTINATION":
    case "CONVERSATION_NOT_FOUND":
    case "MESSAGE_NOT_FOUND":
    case "VALIDATION_FAILED":
    case "INVALID_JSON":
      return 1008;
    case "INTERNAL":
      return 1011;
    case "SHUTTING_DOWN":
      return 1001;
    case "RATE_LIMITED":
    case "TOO_MANY_CONNECTIONS":
    case "SERVER_FULL":
    case "QUEUE_FULL":
    case "STORAGE_UNAVAILABLE":
    case "AUTHENTICATION_UNAVAILABLE":
    case "USER_BEING_ERASED":
      return 1013;
    default:
      return 1002;
  }
}
