import { expect, test } from "bun:test";
import { checkIntervalMs } from "../../src/session/check-interval.ts";

test.each([
  { timesMs: [30_000, 20_000, 4_000], everyMs: 1_000, why: "a second at most" },
  { timesMs: [30_000, 2_000], everyMs: 500, why: "a quarter of the shortest" },
  { timesMs: [2_000, 0], everyMs: 500, why: "a limit that is off does not count" },
  { timesMs: [30_000, 20], everyMs: 50, why: "never a busy loop" },
  { timesMs: [0], everyMs: 1_000, why: "without any limit a second" },
])("$timesMs: looks every $everyMs ms, $why", ({ timesMs, everyMs }) => {
  expect(checkIntervalMs(timesMs)).toBe(everyMs);
});
