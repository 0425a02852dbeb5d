import { isoTime } from "../clock.ts";
import type { AppError } from "../errors.ts";

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
    timestamp: isoTime(nowMs),
  });
}
