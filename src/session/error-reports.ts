import { Outgoing } from "../broker/outgoing.ts";
import { isoTime } from "../clock.ts";
import type { AppError } from "../errors.ts";
import type { Frame } from "../stomp/frame.ts";
import { SUPPORTED_VERSIONS } from "../stomp/version.ts";
import type { SessionEnvironment } from "./environment.ts";

/** The message on `/user/queue/errors` (DESIGN §2). `frame`: the one that is refused, if one is. */
export function errorMessage(
  { code, message, details }: AppError,
  frame: Frame | null,
  { clock, newId }: Pick<SessionEnvironment, "clock" | "newId">,
): Outgoing {
  // Undefined fields are left out.
  const body = JSON.stringify({
    code,
    message,
    destination: frame?.header("destination") ?? "",
    clientMessageId: details.clientMessageId,
    receiptId: frame?.header("receipt"),
    retryAfterMs: details.retryAfterMs,
    expiresAt: details.expiresAt,
    timestamp: isoTime(clock.now()),
  });
  return new Outgoing(newId(), body, ["content-type", "application/json"]);
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
