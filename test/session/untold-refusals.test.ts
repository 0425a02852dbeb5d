import { expect, test } from "bun:test";
import { UntoldRefusals } from "../../src/session/untold-refusals.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { RecordedLog } from "../support/recorded-log.ts";

test("a flood of refusals is a line a second, which says how many there were", () => {
  const [log, clock] = [new RecordedLog(), new FakeClock()];
  const refusals = new UntoldRefusals(log, clock);
  for (let n = 0; n < 5_000; n += 1) {
    refusals.add({ code: "RATE_LIMITED" });
    clock.advance(1);
  }
  expect(log.lines.map(({ level, fields }) => [level, fields.code, fields.times])).toEqual([
    ["warn", "RATE_LIMITED", 1],
    ...Array(4).fill(["warn", "RATE_LIMITED", 1_000]),
  ]);
});
