import { expect, test } from "bun:test";
import type { Clock } from "../../src/clock.ts";
import { HeartbeatSender } from "../../src/session/heartbeats.ts";
import { FakeConnection, FakeEngine } from "../support/session-harness.ts";

const TICK_MS = 250;
const EVERY_MS = 10_000;

/** Its timers fire as late as the test says. */
class LateClock implements Clock {
  ms = 0;
  #timer: { readonly dueMs: number; readonly task: () => void } | null = null;

  now(): number {
    return this.ms;
  }
  monotonicMs(): number {
    return this.ms;
  }
  schedule(delayMs: number, task: () => void) {
    const timer = { dueMs: this.ms + delayMs, task };
    this.#timer = timer;
    return {
      cancel: () => {
        if (this.#timer === timer) this.#timer = null;
      },
    };
  }
  /** False if there is no timer. */
  fire(lateMs: number): boolean {
    const timer = this.#timer;
    if (timer === null) return false;
    this.#timer = null;
    this.ms = Math.max(this.ms, timer.dueMs) + lateMs;
    timer.task();
    return true;
  }
}

/** The longest time between two heart-beats of each of the connections, in two minutes. */
function longestGaps(lateMs: number): number[] {
  const clock = new LateClock();
  const engine = new FakeEngine();
  const sender = new HeartbeatSender(clock, engine, TICK_MS);
  const crowd = Array.from({ length: 100 }, () => ({
    ...{ peer: new FakeConnection(engine), lastMs: 0, gapMs: 0, seen: 0 },
  }));
  for (const { peer } of crowd) sender.add(peer, "\n", EVERY_MS);
  while (clock.ms < 120_000) {
    clock.fire(lateMs);
    for (const each of crowd) {
      const { length } = each.peer.sent;
      if (length === each.seen) continue;
      each.gapMs = Math.max(each.gapMs, clock.ms - each.lastMs);
      each.seen = length;
      each.lastMs = clock.ms;
    }
  }
  sender.stop();
  return crowd.map(({ gapMs, lastMs }) => Math.max(gapMs, clock.ms - lastMs));
}

test("heart-beats come once an interval", () => {
  for (const gapMs of longestGaps(0)) expect(gapMs).toBeLessThanOrEqual(EVERY_MS);
});

test.each([100, 300, 900, 2_500])(
  "a timer that is always %i ms late makes them late by that, and no more",
  (lateMs) => {
    for (const gapMs of longestGaps(lateMs)) {
      expect(gapMs).toBeLessThanOrEqual(EVERY_MS + lateMs + TICK_MS);
    }
  },
);

test("nobody who stays is missed, however long nothing could be sent", () => {
  const clock = new LateClock();
  const engine = new FakeEngine();
  const sender = new HeartbeatSender(clock, engine, TICK_MS);
  const crowd = Array.from({ length: 50 }, () => new FakeConnection(engine));
  for (const peer of crowd) sender.add(peer, "\n", EVERY_MS);
  clock.fire(60_000);
  expect(crowd.map(({ sent }) => sent.length)).toEqual(crowd.map(() => 1));
  sender.stop();
  expect(clock.fire(0)).toBe(false);
});
