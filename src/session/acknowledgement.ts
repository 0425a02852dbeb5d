import { AppError } from "../errors.ts";
import type { Frame } from "../stomp/frame.ts";
import type { StompVersion } from "../stomp/version.ts";
import type { ClientSubscription } from "./client-subscription.ts";
import { required } from "./headers.ts";
import type { Subscriptions } from "./subscriptions.ts";
import type { Settlement } from "./transactions.ts";

/**
 * What an ACK (`positive`) or NACK covers, of what its subscription waits for. It names a
 * message by `id` in 1.2 (the MESSAGE's `ack` header), by `subscription` and `message-id` in 1.1, by
 * `message-id` in 1.0. In `client` mode it covers every message up to that one
 * [STOMP 1.2 §ack Header]. Throws MISSING_HEADER, UNKNOWN_ACK.
 */
export function settlementOf(
  frame: Frame,
  positive: boolean,
  version: StompVersion,
  subscriptions: Subscriptions,
): Settlement {
  const { subscription, messageId } = namedBy(frame, version, subscriptions);
  const isCumulative = subscription.ackMode === "client";
  const deliveries = subscription.unacknowledged.coveredBy(messageId, isCumulative);
  const requeue = frame.header("requeue") !== "false";
  return { subscription, deliveries, positive, requeue };
}

interface Named {
  readonly subscription: ClientSubscription;
  readonly messageId: string;
}

function namedBy(frame: Frame, version: StompVersion, subscriptions: Subscriptions): Named {
  if (version === "1.2") return namedById(required(frame, "id"), subscriptions);
  const messageId = required(frame, "message-id");
  const subscriptionId =
    version === "1.1" ? required(frame, "subscription") : frame.header("subscription");
  for (const subscription of subscriptions.all()) {
    const isNamed = subscriptionId === undefined || subscription.id === subscriptionId;
    if (isNamed && subscription.unacknowledged.has(messageId)) return { subscription, messageId };
  }
  throw unknownAck(messageId);
}

function namedById(id: string, subscriptions: Subscriptions): Named {
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
