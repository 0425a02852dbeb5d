import { shownAt } from "../chat/erased-message.ts";
import { messageView } from "../chat/events.ts";
import { isoTime } from "../clock.ts";
import type { DeadLetter } from "./ports.ts";
import type { DueWebhookEvent, WebhookEvent } from "./webhook-ports.ts";

/** What a user's own events have in common: they come in order. */
function laneOf(userId: string): string {
  return `user:${userId}`;
}

/**
 * A user is there, is away, or has gone.
 *
 * @param body as `/topic/presence` has it
 */
export function presenceChanged(
  id: string,
  userId: string,
  body: string,
  nowMs: number,
): WebhookEvent {
  return {
    ...{ id, type: "presence.changed", lane: laneOf(userId), createdMs: nowMs },
    data: body,
  };
}

/** What a dead letter says of a notice. */
export type NoticeLetter = Omit<DeadLetter, "eventId" | "eventType">;

/** A notice did not reach a user, and is not tried any more. null: the letter is of no notice. */
export function deliveryFailed(letter: NoticeLetter): WebhookEvent | null {
  const { id, channel, userId, conversationId, attempts, reason, diedMs } = letter;
  if (userId === null) return null;
  return {
    ...{ id, type: "delivery.failed", lane: laneOf(userId), createdMs: diedMs },
    data: JSON.stringify({ letterId: id, channel, userId, conversationId, attempts, reason }),
  };
}

/**
 * The body of a call [Standard Webhooks 1.0.0 §Payload structure]. A message is told as it is at that
 * time: one that was deleted says nothing any more; of one that is not kept there is the id alone.
 */
export function webhookBody(event: DueWebhookEvent, nowMs: number): string {
  const head = { type: event.type, timestamp: isoTime(event.createdMs) };
  if (event.data === null) return JSON.stringify({ ...head, data: messageData(event, nowMs) });
  return `${JSON.stringify(head).slice(0, -1)},"data":${event.data}}`;
}

function messageData({ id, lane, message }: DueWebhookEvent, nowMs: number) {
  if (message === null) return { id, conversationId: lane, removed: true };
  return messageView(shownAt(nowMs, message), "SENT");
}
