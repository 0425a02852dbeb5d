import type { Message } from "./conversation.ts";
import { startOfDay } from "./times.ts";

/** Past this pause a message stands apart from the one before it. */
const RUN_PAUSE_MS = 5 * 60 * 1000;

export interface Day {
  readonly startMs: number;
  readonly messages: readonly GroupedMessage[];
}

export interface GroupedMessage {
  readonly message: Message;
  /** The first of a run by one sender. */
  readonly startsRun: boolean;
  /** The first of what was unread when the conversation was opened. */
  readonly startsUnread: boolean;
}

export function groupByDay(
  messages: readonly Message[],
  userId: string,
  newFromSeq: number | null,
): Day[] {
  const days: { startMs: number; messages: GroupedMessage[] }[] = [];
  let before: Message | null = null;
  let isUnreadMarked = newFromSeq === null;
  for (const message of messages) {
    const startMs = startOfDay(message.timestampMs);
    let day = days.at(-1);
    const isNewDay = day === undefined || startMs > day.startMs;
    if (day === undefined || isNewDay) {
      day = { startMs, messages: [] };
      days.push(day);
    }
    const startsUnread =
      !isUnreadMarked && message.senderId !== userId && (message.seq ?? 0) >= (newFromSeq ?? 0);
    isUnreadMarked ||= startsUnread;
    const startsRun = isNewDay || startsUnread || before === null || isApart(before, message);
    day.messages.push({ message, startsRun, startsUnread });
    before = message;
  }
  return days;
}

function isApart(before: Message, message: Message): boolean {
  return (
    before.senderId !== message.senderId ||
    before.event !== null ||
    message.timestampMs - before.timestampMs > RUN_PAUSE_MS
  );
}
