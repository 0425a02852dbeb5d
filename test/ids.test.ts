import { expect, test } from "bun:test";
import fc from "fast-check";
import { ascendingUuids } from "../src/ids.ts";

/** UUIDv7s by a clock that the test sets. */
function clocked(last: string | null) {
  const clock = { timeMs: Date.UTC(2026, 0, 1) };
  const make = (timeMs = clock.timeMs) => Bun.randomUUIDv7("hex", timeMs);
  return { clock, newId: ascendingUuids(last, make) };
}

test("ids ascend, however the clock is set", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -5_000, max: 5_000 }), { maxLength: 50 }), (steps) => {
      const { clock, newId } = clocked(null);
      const ids = steps.flatMap((step) => {
        clock.timeMs += step;
        return [newId(), newId(), newId()];
      });
      expect(ids).toEqual([...new Set(ids)].toSorted());
    }),
  );
});

test("ids are above those of a former run whose clock was ahead", () => {
  const former = Bun.randomUUIDv7("hex", Date.UTC(2031, 0, 1));
  const { newId } = clocked(former);
  const ids = [former, newId(), newId()];
  expect(ids).toEqual([...new Set(ids)].toSorted());
  // A UUIDv7 still.
  expect(ids[2]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("ids have the time of their making where the clock goes on", () => {
  const { clock, newId } = clocked(null);
  newId();
  clock.timeMs += 1_234;
  const timeMs = Number.parseInt(newId().replaceAll("-", "").slice(0, 12), 16);
  expect(timeMs).toBe(clock.timeMs);
});
