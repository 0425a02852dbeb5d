import { AppError } from "../errors.ts";
import type { Frame } from "../stomp/frame.ts";
import type { StompVersion } from "../stomp/version.ts";
import { required } from "./headers.ts";
import type { SessionSubscription } from "./session-subscription.ts";
import type { Subscriptions } from "./subscriptions.ts";

export interface Acknowledged {
  readonly subscription: SessionSubscription;
  readonly messageId: string;
}

/**
 * What an ACK or NACK is about: `id` in 1.2 (the MESSAGE's `ack` header), `subscription` and
 * `message-id` in 1.1, `message-id` in 1.0. Throws MISSING_HEADER, UNKNOWN_ACK.
 */
export function acknowledgedBy(
  frame: Frame,
  version: StompVersion,
  subscriptions: Subscriptions,
): Acknowledged {
  if (version === "1.2") return acknowledgedById(required(frame, "id"), subscriptions);
  const messageId = required(frame, "message-id");
  const subscriptionId =
    version === "1.1" ? required(frame, "subscription") : frame.header("subscription");
  for (const subscription of subscriptions.all()) {
    const isNamed = subscriptionId === undefined || subscription.id === subscriptionId;
    if (isNamed && subscription.hasUnacknowledged(messageId)) return { subscription, messageId };
  }
  throw unknownAck(messageId);
}

function acknowledgedById(id: string, subscriptions: Subscriptions): Acknowledged {
  const dash = id.indexOf("-");
  const number = Number(id.slice(0, dash));
  for (const subscription of subscriptions.all()) {
    if (subscription.number === number) return { subscription, messageId: id.slice(dash + 1) };
  }
  throw unknownAck(id);
}

function unknownAck(id: string): AppError {
  return new AppError("UNKNOWN_ACK", `No message waits for the acknowledgement ${id}`);
}
