import { expect, test } from "bun:test";
import { type Sample, slopeBytesPerVisit, verdictOf } from "../../bench/churn-verdict.ts";

const MIB = 1024 * 1024;
const VISITS = 180_000;

/** An hour, a sample each minute. */
function hour(rssMiB: (minute: number) => number, visits = VISITS): Sample[] {
  return Array.from({ length: 60 }, (_, at) => ({
    visits: ((at + 1) * visits) / 60,
    rssBytes: rssMiB(at) * MIB,
  }));
}

function live(halfMiB: number, endMiB: number) {
  return [
    { visits: VISITS / 2, liveBytes: halfMiB * MIB },
    { visits: VISITS, liveBytes: endMiB * MIB },
  ];
}

test("memory that fills up, sways and stays is flat", () => {
  const samples = hour((minute) => 200 + 2 * Math.min(minute, 25) + 20 * (minute % 3));
  expect(verdictOf(samples, live(80, 80.5))).toMatchObject({ isFlat: true });
  expect(Math.abs(slopeBytesPerVisit(samples))).toBeLessThan(100);
});

test("memory that grows on is not, and whether it leaks is told", () => {
  const samples = hour((minute) => 100 + minute);
  expect(slopeBytesPerVisit(samples)).toBeCloseTo(MIB / 3_000);
  const swelling = verdictOf(samples, live(80, 80));
  expect(swelling.isFlat).toBe(false);
  expect(swelling.text).toContain("though nothing leaks");
  const leaking = verdictOf(samples, live(80, 110));
  expect(leaking.isFlat).toBe(false);
  expect(leaking.text).toContain("350 bytes a visit");
});

test("a leak is told before the process shows it", () => {
  const samples = hour((minute) => 200 + (minute % 3));
  expect(verdictOf(samples, live(80, 83)).isFlat).toBe(false);
});

test("what is too short tells nothing", () => {
  const flat = () => 100;
  expect(verdictOf(hour(flat).slice(-10), live(80, 80)).isFlat).toBe(false);
  expect(verdictOf(hour(flat, 57_599), live(80, 80)).isFlat).toBe(false);
  expect(verdictOf(hour(flat), live(80, 80).slice(1)).isFlat).toBe(false);
});
