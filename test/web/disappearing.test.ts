import { expect, test } from "bun:test";
import { shownMessages } from "../../src/web/conversation.ts";
import { lifetimeText } from "../../src/web/lifetimes.ts";
import { nextExpiryMs } from "../../src/web/message-events.ts";
import { NextDue } from "../../src/web/next-due.ts";
import type { Event, State } from "../../src/web/state.ts";
import { readMessage } from "../../src/web/wire.ts";
import { FakeClock } from "../support/fake-clock.ts";
import {
  arrived,
  composed,
  confirmed,
  DM,
  happening,
  listed,
  opened,
  page,
  scheduleOn,
  stateAfter,
  wireMessage,
} from "./support.ts";

const SENT_MS = Date.UTC(2026, 0, 1, 13);
const HOUR_MS = 60 * 60 * 1000;

function shown(state: State): string[] {
  return shownMessages(state.conversations[DM]?.messages ?? []).map(({ content }) => content);
}

function changed(seq: number, disappearAfterSeconds: number | null) {
  const event = happening({ type: "DISAPPEARING_CHANGED", disappearAfterSeconds });
  return arrived(seq, { event, clientMessageId: null, content: "after 3600 seconds" });
}

test("a message is gone when its time has come, from the pinned ones too, and not before", () => {
  const expiresMs = SENT_MS + HOUR_MS;
  const pin = wireMessage(1, { expiresMs, isPinned: true });
  const before = [
    ...[opened, page([pin, wireMessage(2)]), changed(3, 3600)],
    { kind: "pins-arrived", conversationId: DM, pins: [pin, wireMessage(2)] } as const,
  ];
  const early = stateAfter(...before, { kind: "time-passed", nowMs: expiresMs - 1 });
  expect(early).toEqual(stateAfter(...before));
  expect(nextExpiryMs(Object.values(early.conversations))).toBe(expiresMs);
  const late = stateAfter(...before, { kind: "time-passed", nowMs: expiresMs });
  expect(shown(late)).toEqual(["message 2", "bob made messages disappear after 1 hour"]);
  expect(late.conversations[DM]?.messages[0]).toMatchObject({ content: "", isDeleted: true });
  expect(late.conversations[DM]?.pins.map(({ id }) => id)).toEqual(["id-2"]);
  expect(nextExpiryMs(Object.values(late.conversations))).toBeNull();
});

test("a pinned message disappears that is older than what is at hand", () => {
  const expiresMs = SENT_MS + HOUR_MS;
  const pins = [wireMessage(1, { expiresMs, isPinned: true })];
  const before = [
    ...[opened, page([wireMessage(60)])],
    { kind: "pins-arrived", conversationId: DM, pins } as const,
  ];
  expect(nextExpiryMs(Object.values(stateAfter(...before).conversations))).toBe(expiresMs);
  const late = stateAfter(...before, { kind: "time-passed", nowMs: expiresMs });
  expect(late.conversations[DM]?.pins).toEqual([]);
});

test("what disappeared while nobody looked is not shown; what was deleted before is, as deleted", () => {
  const wire = {
    ...{ id: "1", conversationId: DM, seq: 1, senderId: "bob", senderName: "bob", content: "" },
    ...{ type: "TEXT", status: "SENT", timestamp: "2026-01-01T12:00:00Z" },
    expiresAt: "2026-01-01T13:00:00Z",
  };
  const isGone = (deletedAt: string) => readMessage({ ...wire, deletedAt }).isGone;
  expect(isGone("2026-01-01T13:00:00Z")).toBe(true);
  expect(isGone("2026-01-01T12:30:00Z")).toBe(false);
  expect(shown(stateAfter(opened, arrived(1, { isGone: true, isDeleted: true })))).toEqual([]);
});

test("of one's own message it is reckoned from when the server took it", () => {
  const expiriesAfter = (...events: readonly Event[]) =>
    stateAfter(opened, ...events).conversations[DM]?.messages.flatMap(({ event, expiresMs }) =>
      event === null ? [expiresMs] : [],
    );
  const lasting = listed({ disappearAfterSeconds: 3600 });
  expect(expiriesAfter(lasting, composed("hi"), confirmed("hi", 1))).toEqual([SENT_MS + HOUR_MS]);
  // Sent before it was said, and confirmed or delivered afterwards.
  expect(expiriesAfter(composed("hi"), changed(2, 3600), confirmed("hi", 1))).toEqual([null]);
  expect(
    expiriesAfter(
      ...[composed("hi"), confirmed("hi", 1), changed(2, 3600)],
      confirmed("hi", 1, "DELIVERED"),
    ),
  ).toEqual([null]);
  expect(expiriesAfter(lasting, changed(1, null), composed("hi"), confirmed("hi", 2))).toEqual([
    null,
  ]);
});

test("one timer waits for what is next, at most a minute, and runs what is overdue at once", () => {
  const clock = new FakeClock();
  const startMs = clock.now();
  const due = new Set([startMs + 90_000, startMs + 91_000]);
  const ran: number[] = [];
  const waits: number[] = [];
  const schedule = scheduleOn(clock);
  const timer = new NextDue({
    schedule: (delayMs, task) => {
      waits.push(delayMs);
      return schedule(delayMs, task);
    },
    now: () => clock.now(),
    next: () => (due.size === 0 ? null : Math.min(...due)),
    run: (nowMs) => {
      for (const atMs of due) if (atMs <= nowMs) due.delete(atMs);
      ran.push(nowMs - startMs);
      timer.look();
    },
  });
  timer.look();
  timer.look();
  clock.advance(90_000);
  expect(ran).toEqual([90_000]);
  expect(waits).toEqual([60_000, 30_000, 1_000]);
  due.add(startMs);
  timer.look();
  expect(ran).toEqual([90_000, 90_000]);
  timer.stop();
  clock.advance(HOUR_MS);
  expect(ran).toEqual([90_000, 90_000]);
});

test("lifetimes read as people say them", () => {
  const day = 24 * 3600;
  expect([1, 90, 120, 3600, day, 7 * day, 90 * day].map(lifetimeText)).toEqual([
    ...["1 second", "90 seconds", "2 minutes", "1 hour", "24 hours", "7 days", "90 days"],
  ]);
});
