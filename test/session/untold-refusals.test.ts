import { expect, test } from "bun:test";
import { UntoldRefusals } from "../../src/session/untold-refusals.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { RecordedLog } from "../support/recorded-log.ts";

test("of a flood of refusals there are some lines, then one a second, which says how many there were", () => {
  const [log, clock] = [new RecordedLog(), new FakeClock()];
  const refusals = new UntoldRefusals(log, clock);
  for (let n = 0; n < 10_000; n += 1) {
    refusals.add({ code: "RATE_LIMITED" });
    clock.advance(1);
  }
  const times = log.lines.map(({ fields }) => Number(fields.times));
  expect(times.slice(0, 10)).toEqual(Array(10).fill(1));
  expect(times.slice(11, 15)).toEqual(Array(4).fill(1_000));
  expect(times.length).toBeLessThan(25);
  expect(log.lines[0]).toMatchObject({ level: "warn", fields: { code: "RATE_LIMITED" } });
});
