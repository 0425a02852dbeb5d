import type { AppError } from "../errors.ts";
import { closeCodeFor } from "./close-codes.ts";
import type { Session } from "./session.ts";

/**
 * The server goes away: ends the session and tells its client so, by an ERROR where the transport has
 * no close code, else on its errors queue and by the close.
 */
export function dismiss(session: Session, error: AppError): void {
  if (session.connection.framing === "stream") {
    session.fail(error);
    return;
  }
  session.tellError(error, null);
  session.close(closeCodeFor(error.code), error.message);
}
