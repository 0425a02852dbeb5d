import { areCookiesTrusted, type OriginPolicy } from "../transport/origin.ts";

/**
 * Lets pages of the origin, which must be allowed, read the answer. Those that only `*` lets in
 * may not send cookies.
 */
export function allowOrigin(headers: Headers, origin: string, isTrusted: boolean): void {
  headers.set("access-control-allow-origin", isTrusted ? origin : "*");
  headers.set("access-control-expose-headers", "ETag");
  if (isTrusted) headers.set("access-control-allow-credentials", "true");
}

/** The answer to an OPTIONS request of a browser, whose origin must be allowed. */
export function preflight(asked: Headers, origin: string, policy: OriginPolicy): Response {
  const headers = new Headers({
    "access-control-allow-methods": "GET, POST, PUT, PATCH, DELETE, OPTIONS",
    "access-control-allow-headers":
      "Authorization, X-User-Id, X-User-Name, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, traceparent",
    "access-control-max-age": "600",
    vary: "Origin",
  });
  allowOrigin(headers, origin, areCookiesTrusted(asked, policy));
  return new Response(null, { status: 204, headers });
}
