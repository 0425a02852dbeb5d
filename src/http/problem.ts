import type { Context } from "hono";
import { retryAfter, toAppError } from "../errors.ts";
import type { Log } from "../log.ts";

/** An error as `application/problem+json` [RFC 9457]; nothing of an internal fault is told. */
export function problemResponse(fault: unknown, context: Context, log: Log): Response {
  const error = toAppError(fault);
  const { status, retryable } = error.traits;
  if (error.code === "INTERNAL") {
    log.error({ err: error.cause ?? error, path: context.req.path }, "Internal error");
  }
  const body = { type: "about:blank", title: error.code, status, detail: error.message };
  const headers: Record<string, string> = { "content-type": "application/problem+json" };
  if (status === 401) headers["www-authenticate"] = "Bearer";
  if (retryable) headers["retry-after"] = retryAfter(error);
  return new Response(JSON.stringify({ ...body, code: error.code, retryable }), {
    status,
    headers,
  });
}
