import type { Conversation } from "./conversation.ts";
import type { WireMessage } from "./wire.ts";

const HOUR_SECONDS = 60 * 60;
const DAY_SECONDS = 24 * HOUR_SECONDS;

/** What is offered, in seconds; null: messages stay. */
export const LIFETIMES: readonly (number | null)[] = [
  ...[null, HOUR_SECONDS, DAY_SECONDS, 7 * DAY_SECONDS, 90 * DAY_SECONDS],
];

/** "90 days", "24 hours", "1 hour", "45 seconds"; a single day is named by its hours. */
export function lifetimeText(seconds: number): string {
  const days = seconds / DAY_SECONDS;
  if (Number.isInteger(days) && days > 1) return counted(days, "day");
  if (seconds % HOUR_SECONDS === 0) return counted(seconds / HOUR_SECONDS, "hour");
  return seconds % 60 === 0 ? counted(seconds / 60, "minute") : counted(seconds, "second");
}

function counted(count: number, unit: string): string {
  return count === 1 ? `1 ${unit}` : `${count} ${unit}s`;
}

/** The server's own sentence counts the seconds. */
export function lifetimeSentence({ senderName, event }: WireMessage): string {
  const seconds = event?.disappearAfterSeconds ?? null;
  return seconds === null
    ? `${senderName} made messages stay`
    : `${senderName} made messages disappear after ${lifetimeText(seconds)}`;
}

/**
 * When a message of one's own disappears that the server has taken then; null: it stays, as far as is
 * known. What the conversation says holds for what came after it was said.
 */
export function expiryOf(
  { disappearAfterSeconds, messages }: Conversation,
  sentSeq: number,
  sentMs: number,
): number | null {
  const isOlder = messages.some(
    ({ seq, event }) => event?.type === "DISAPPEARING_CHANGED" && (seq ?? 0) > sentSeq,
  );
  if (disappearAfterSeconds === null || isOlder) return null;
  return sentMs + disappearAfterSeconds * 1000;
}
