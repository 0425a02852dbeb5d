import type { MiddlewareHandler } from "hono";
import { matchedRoutes } from "hono/route";
import { toAppError } from "../../errors.ts";
import type { ApiEnvironment } from "../../http/api.ts";
import type { Spans } from "./spans.ts";

const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
/** Others ask for what is there. */
const CHANGES = new Set(["POST", "PUT", "PATCH", "DELETE"]);
/** What goes to disk with messages, and is answered when it is there. */
const JOURNALED = /^\/api\/(?:conversations(?!.*\/invites)|messages|invites\/:code\/join)/;

/** A span for each request to the API, by its route: paths have ids in them. */
export function traceRequests(spans: Spans): MiddlewareHandler<ApiEnvironment> {
  return async (context, next) => {
    const { req } = context;
    if (!req.path.startsWith("/api/")) return await next();
    const method = METHODS.has(req.method) ? req.method : "_OTHER";
    const span = spans.begin(method, req.header("traceparent"));
    if (span === null) return await next();
    await next(); // What handlers throw has become the answer.
    const route = matchedRoutes(context).findLast((matched) => matched.method !== "ALL");
    const { status } = context.res;
    span.setAttributes({ "http.request.method": method, "http.response.status_code": status });
    if (route !== undefined) {
      const template = route.path.replace(/:(\w+)/g, "{$1}");
      span.updateName(`${method} ${template}`).setAttribute("http.route", template);
    }
    const isJournaled = route !== undefined && JOURNALED.test(route.path);
    if (isJournaled && CHANGES.has(method) && status < 400) spans.madeDurable(span);
    // A refusal is the client's doing, and no failure of the server's.
    if (context.error !== undefined) {
      span.setAttribute("parley.refusal", toAppError(context.error).code);
    }
    spans.end(span, status < 500 ? null : `${status}`);
    return undefined;
  };
}
