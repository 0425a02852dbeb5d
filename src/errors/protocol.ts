import type { ErrorTraits } from "./traits.ts";

/** Of STOMP itself, and of what a connection may hold. See `ERRORS`. */
export const PROTOCOL_ERRORS = {
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
} as const satisfies Record<string, ErrorTraits>;
