import { expect, test } from "bun:test";
import { TypingSignal } from "../../src/web/typing-signal.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { scheduleOn } from "./support.ts";

function newSignal() {
  const clock = new FakeClock();
  const told: string[] = [];
  const signal = new TypingSignal(
    (conversationId, isTyping) => told.push(`${conversationId} ${isTyping}`),
    scheduleOn(clock),
    clock.now,
  );
  return { clock, told, signal };
}

test("many keys in two seconds are one signal", () => {
  const { signal, told, clock } = newSignal();
  for (let key = 0; key < 19; key += 1) {
    signal.typed("a");
    clock.advance(100);
  }
  expect(told).toEqual(["a true"]);
  clock.advance(100);
  signal.typed("a");
  expect(told).toEqual(["a true", "a true"]);
});

test("a pause ends it, once", () => {
  const { signal, told, clock } = newSignal();
  signal.typed("a");
  clock.advance(4_000);
  signal.stopped();
  expect(told).toEqual(["a true", "a false"]);
});

test("to type elsewhere ends it here", () => {
  const { signal, told } = newSignal();
  signal.typed("a");
  signal.typed("b");
  expect(told).toEqual(["a true", "a false", "b true"]);
});
