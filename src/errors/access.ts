import type { ErrorTraits } from "./traits.ts";

/** Who somebody is, and what they may. See `ERRORS`. */
export const ACCESS_ERRORS = {
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
} as const satisfies Record<string, ErrorTraits>;
