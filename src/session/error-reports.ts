import { isoTime } from "../clock.ts";
import type { AppError } from "../errors.ts";
import type { Frame } from "../stomp/frame.ts";
import { SUPPORTED_VERSIONS } from "../stomp/version.ts";

/** The body of a message on `/user/queue/errors` (DESIGN §2). Undefined fields are left out. */
export function errorEvent(
  error: AppError,
  destination: string,
  receiptId: string | undefined,
  nowMs: number,
): string {
  return JSON.stringify({
    code: error.code,
    message: error.message,
    destination,
    clientMessageId: error.details.clientMessageId,
    receiptId,
    retryAfterMs: error.details.retryAfterMs,
    expiresAt: error.details.expiresAt,
    timestamp: isoTime(nowMs),
  });
}

/** The headers of an ERROR frame, flat [STOMP 1.2 §ERROR]. */
export function errorHeaders(error: AppError, receiptId: string | undefined): string[] {
  const headers = ["message", error.message, "code", error.code, "content-type", "text/plain"];
  if (receiptId !== undefined) headers.push("receipt-id", receiptId);
  const { retryAfterMs } = error.details;
  if (retryAfterMs !== undefined) headers.push("retry-after-ms", `${retryAfterMs}`);
  // [STOMP 1.2 §Protocol Negotiation]
  if (error.code === "UNSUPPORTED_VERSION") headers.push("version", SUPPORTED_VERSIONS.join(","));
  return headers;
}

/** May the refusal be logged only, if the client does not listen to its errors? */
export function mayGoUntold(frame: Frame, error: AppError): boolean {
  if (error.details.isProvisional === true) return true;
  if (frame.header("receipt") !== undefined) return false;
  return frame.command === "SEND" && frame.header("destination")?.startsWith("/app/") === true;
}
