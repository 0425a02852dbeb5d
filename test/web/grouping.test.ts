import { expect, test } from "bun:test";
import { groupByDay } from "../../src/web/grouping.ts";
import { dayLabel, lastSeenLabel, startOfDay } from "../../src/web/times.ts";
import { arrived, DM, opened, page, stateAfter, wireMessage } from "./support.ts";

const MINUTE_MS = 60_000;
const noon = new Date(2026, 0, 15, 12).getTime();
const daysBefore = (days: number) => new Date(2026, 0, 15 - days, 12).getTime();

function messagesAt(...times: readonly number[]) {
  const events = times.map((timestampMs, index) => arrived(index + 1, { timestampMs }));
  return stateAfter(opened, page([]), ...events).conversations[DM]?.messages ?? [];
}

test("messages are grouped by day", () => {
  const days = groupByDay(messagesAt(daysBefore(1), noon, noon + MINUTE_MS), "alice", null);
  expect(days.map(({ startMs, messages }) => [startMs, messages.length])).toEqual([
    [startOfDay(daysBefore(1)), 1],
    [startOfDay(noon), 2],
  ]);
});

test("a run ends with another sender and with a pause", () => {
  const messages = messagesAt(noon, noon + MINUTE_MS, noon + 7 * MINUTE_MS);
  const starts = groupByDay(messages, "alice", null)[0]?.messages.map(({ startsRun }) => startsRun);
  expect(starts).toEqual([true, false, true]);
});

test("the first unread message of somebody else is marked, once", () => {
  const state = stateAfter(
    opened,
    page([wireMessage(1), wireMessage(2, { senderId: "alice" }), wireMessage(3), wireMessage(4)]),
  );
  const days = groupByDay(state.conversations[DM]?.messages ?? [], "alice", 2);
  const marked = days.flatMap(({ messages }) => messages.map(({ startsUnread }) => startsUnread));
  expect(marked).toEqual([false, false, true, false]);
});

test("days have the names that people use", () => {
  expect(dayLabel(noon, noon)).toBe("Today");
  expect(dayLabel(daysBefore(1), noon)).toBe("Yesterday");
  expect(dayLabel(daysBefore(2), noon)).toBe("Tuesday");
  expect(dayLabel(daysBefore(10), noon)).toBe("January 5");
  expect(dayLabel(daysBefore(40), noon)).toBe("December 6, 2025");
  expect(lastSeenLabel(daysBefore(1), noon)).toStartWith("last seen yesterday at ");
});
