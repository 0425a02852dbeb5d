import { type AppError, retryAfter } from "../errors.ts";
import { isOriginAllowed, type OriginPolicy } from "./origin.ts";

const YEAR_SECONDS = 31_536_000;

/** Answers that are never kept [SockJS 0.3.4 §InfoTest, §Protocol]. */
export const UNCACHED = "no-store, no-cache, no-transform, must-revalidate, max-age=0";

/** Headers by which pages of other origins may read the answer. The origin must be allowed. */
export function corsHeaders(request: Request): Headers {
  const headers = new Headers({ vary: "Origin" });
  const origin = request.headers.get("origin");
  if (origin === null) {
    headers.set("access-control-allow-origin", "*");
  } else {
    headers.set("access-control-allow-origin", origin);
    headers.set("access-control-allow-credentials", "true");
  }
  const asked = request.headers.get("access-control-request-headers");
  if (asked !== null) headers.set("access-control-allow-headers", asked);
  return headers;
}

/** The answer to an OPTIONS request of a browser. */
export function preflight(request: Request, methods: string, nowMs: number): Response {
  const headers = corsHeaders(request);
  headers.set("access-control-allow-methods", methods);
  headers.set("access-control-max-age", String(YEAR_SECONDS));
  keepForAYear(headers, nowMs);
  return new Response(null, { status: 204, headers });
}

export function keepForAYear(headers: Headers, nowMs: number): void {
  headers.set("cache-control", `public, max-age=${YEAR_SECONDS}`);
  headers.set("expires", new Date(nowMs + YEAR_SECONDS * 1_000).toUTCString());
}

/** Load balancers that keep sessions together know them by this cookie [SockJS 0.3.4 §JsessionidCookie]. */
export function setSessionCookie(request: Request, headers: Headers): void {
  const cookies = request.headers.get("cookie") ?? "";
  const known = /(?:^|;\s*)JSESSIONID=([\w.!:~+-]{1,256})(?:;|$)/.exec(cookies)?.[1];
  headers.set("set-cookie", `JSESSIONID=${known ?? "dummy"}; Path=/`);
}

/** 403 for a page that may not speak to the server; null for all else. */
export function refuseForeignOrigin(request: Request, policy: OriginPolicy): Response | null {
  if (isOriginAllowed(request.headers, policy)) return null;
  return new Response("ORIGIN_FORBIDDEN: see http.allowed_origins\n", { status: 403 });
}

/** A connection is refused: over HTTP its code is for whoever looks at the answer. */
export function refused(error: AppError, headers = new Headers()): Response {
  headers.set("retry-after", retryAfter(error));
  headers.set("content-type", "text/plain; charset=UTF-8");
  const { status } = error.traits;
  return new Response(`${error.code}: ${error.message}\n`, { status, headers });
}

/** `methods`: what is answered there, as in Allow. */
export function notAllowed(methods: string): Response {
  return new Response(null, { status: 405, headers: { allow: methods } });
}

/** 503 for what is new, while the server stops or has all that it can serve. */
export function tryLater(headers = new Headers()): Response {
  headers.set("retry-after", "5");
  return new Response(null, { status: 503, headers });
}
