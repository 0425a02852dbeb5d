import { type Actor, SYSTEM } from "../chat/actor.ts";
import { AppError } from "../errors.ts";

/** A user, for what is only a user's. Throws VALIDATION_FAILED for the back end by itself. */
export function asUser(actor: Actor): Actor {
  if (actor !== SYSTEM) return actor;
  throw new AppError("VALIDATION_FAILED", "X-User-Id: names the user whose this is");
}
