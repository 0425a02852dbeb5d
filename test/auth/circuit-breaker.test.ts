import { beforeEach, expect, test } from "bun:test";
import { CircuitBreaker } from "../../src/auth/circuit-breaker.ts";
import { FakeClock } from "../support/fake-clock.ts";

const FAILURES = 3;
const WINDOW_MS = 10_000;
const PAUSE_MS = 5_000;

let clock: FakeClock;
let told: string[];
let breaker: CircuitBreaker;

beforeEach(() => {
  clock = new FakeClock();
  told = [];
  breaker = new CircuitBreaker({
    ...{ failures: FAILURES, windowMs: WINDOW_MS, pauseMs: PAUSE_MS, clock },
    onOpened: () => told.push("opened"),
    onClosed: () => told.push("closed"),
  });
});

/** Whether the call was let through. */
function call(outcome: "succeeded" | "failed"): boolean {
  const ended = breaker.admit();
  ended?.(outcome);
  return ended !== null;
}

function open(): void {
  for (let failure = 0; failure < FAILURES; failure += 1) call("failed");
}

test("is closed at first, and as long as failures are few", () => {
  expect(call("failed")).toBe(true);
  expect(call("failed")).toBe(true);
  expect(breaker.isOpen).toBe(false);
});

test("opens after so many failures in a row, once", () => {
  open();
  expect(breaker.isOpen).toBe(true);
  expect(call("succeeded")).toBe(false);
  expect(told).toEqual(["opened"]);
});

test("counts no failures from before a success, or from before the window", () => {
  for (let round = 0; round < 5; round += 1) {
    call("failed");
    call("failed");
    call("succeeded");
  }
  call("failed");
  call("failed");
  clock.advance(WINDOW_MS);
  call("failed");
  expect(breaker.isOpen).toBe(false);
});

test("lets a single call try after the pause, and closes if it succeeds", () => {
  open();
  clock.advance(PAUSE_MS - 1);
  expect(breaker.admit()).toBeNull();
  clock.advance(1);
  const probed = breaker.admit();
  expect(probed).not.toBeNull();
  expect(breaker.admit()).toBeNull();
  clock.advance(PAUSE_MS * 2);
  expect(breaker.admit()).toBeNull();
  probed?.("succeeded");
  expect(call("succeeded")).toBe(true);
  expect(call("succeeded")).toBe(true);
  expect(told).toEqual(["opened", "closed"]);
});

test("stays open for another pause if the try fails", () => {
  open();
  clock.advance(PAUSE_MS);
  expect(call("failed")).toBe(true);
  clock.advance(PAUSE_MS - 1);
  expect(call("succeeded")).toBe(false);
  clock.advance(1);
  expect(call("succeeded")).toBe(true);
  expect(told).toEqual(["opened", "closed"]);
});

test("counts from nothing again once it is closed", () => {
  open();
  clock.advance(PAUSE_MS);
  call("succeeded");
  call("failed");
  call("failed");
  expect(breaker.isOpen).toBe(false);
});

test("calls from before it opened change nothing, however they end", () => {
  const early = Array.from({ length: FAILURES + 1 }, () => breaker.admit());
  open();
  clock.advance(PAUSE_MS - 1);
  early.pop()?.("succeeded");
  for (const ended of early) ended?.("failed");
  expect(breaker.isOpen).toBe(true);
  clock.advance(1);
  expect(breaker.isOpen).toBe(false);
  expect(told).toEqual(["opened"]);
});
