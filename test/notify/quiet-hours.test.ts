import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isTimeZone, quietUntilMs } from "../../src/notify/quiet-hours.ts";

const MINUTE_MS = 60_000;

/** Until when, in UTC; null: it is not quiet. */
function until(hours: string, timeZone: string, now: string): string | null {
  const [from = "", to = ""] = hours.split("-");
  const endMs = quietUntilMs({ from, to, timeZone }, Date.parse(now));
  return endMs === null ? null : new Date(endMs).toISOString().replace(":00.000Z", "Z");
}

describe("quiet hours", () => {
  test("within one day are from the first time on, and before the second one", () => {
    expect(until("13:00-14:30", "UTC", "2026-01-10T12:59:59.999Z")).toBeNull();
    expect(until("13:00-14:30", "UTC", "2026-01-10T13:00Z")).toBe("2026-01-10T14:30Z");
    expect(until("13:00-14:30", "UTC", "2026-01-10T14:29:59.999Z")).toBe("2026-01-10T14:30Z");
    expect(until("13:00-14:30", "UTC", "2026-01-10T14:30Z")).toBeNull();
  });

  test("over midnight end on the next day, or on the same one after midnight", () => {
    expect(until("22:00-07:00", "UTC", "2026-01-10T21:59Z")).toBeNull();
    expect(until("22:00-07:00", "UTC", "2026-01-10T22:00Z")).toBe("2026-01-11T07:00Z");
    expect(until("22:00-07:00", "UTC", "2026-01-11T06:59Z")).toBe("2026-01-11T07:00Z");
    expect(until("22:00-07:00", "UTC", "2026-01-11T07:00Z")).toBeNull();
    expect(until("22:00-00:00", "UTC", "2026-01-10T23:59Z")).toBe("2026-01-11T00:00Z");
  });

  test("are of the user's own time zone", () => {
    expect(until("22:00-07:00", "Asia/Kolkata", "2026-01-10T16:30Z")).toBe("2026-01-11T01:30Z");
    expect(until("22:00-07:00", "Asia/Kolkata", "2026-01-10T16:29Z")).toBeNull();
    expect(until("22:00-07:00", "America/New_York", "2026-01-10T04:00Z")).toBe("2026-01-10T12:00Z");
  });

  test("are shorter in the night in which the clock is set forward", () => {
    expect(until("22:00-07:00", "Europe/Vienna", "2026-03-28T21:00Z")).toBe("2026-03-29T05:00Z");
  });

  test("are longer in the night in which the clock is set back", () => {
    expect(until("22:00-07:00", "Europe/Vienna", "2026-10-24T20:00Z")).toBe("2026-10-25T06:00Z");
  });

  test("whose end the clock leaps over end with the leap", () => {
    expect(until("22:00-02:30", "Europe/Vienna", "2026-03-28T22:00Z")).toBe("2026-03-29T01:00Z");
  });

  test("whose end comes twice end twice", () => {
    expect(until("22:00-02:30", "Europe/Vienna", "2026-10-24T22:00Z")).toBe("2026-10-25T00:30Z");
    expect(until("22:00-02:30", "Europe/Vienna", "2026-10-25T00:45Z")).toBeNull();
    expect(until("22:00-02:30", "Europe/Vienna", "2026-10-25T01:15Z")).toBe("2026-10-25T01:30Z");
  });

  test("that the clock leaps over are none", () => {
    expect(until("02:00-03:00", "Europe/Vienna", "2026-03-29T00:59:59.999Z")).toBeNull();
    expect(until("02:00-03:00", "Europe/Vienna", "2026-03-29T01:00Z")).toBeNull();
  });

  test("go on where the clock leaps from their end to their start", () => {
    expect(until("03:00-02:00", "Europe/Vienna", "2026-03-29T00:30Z")).toBe("2026-03-30T00:00Z");
  });

  test("into which the clock leaps from just before their start go on", () => {
    expect(until("02:30-04:00", "Europe/Vienna", "2026-03-29T01:00Z")).toBe("2026-03-29T02:00Z");
  });

  test("of two times that are the same are none, and of a time zone that nobody knows", () => {
    expect(until("08:00-08:00", "UTC", "2026-01-10T08:00Z")).toBeNull();
    expect(until("00:00-23:59", "Mars/Olympus_Mons", "2026-01-10T08:00Z")).toBeNull();
  });
});

/** What a clock on a wall shows, as Intl has it, as minutes of the day. */
function clockOf(timeZone: string): (ms: number) => number {
  const format = new Intl.DateTimeFormat("en-GB", {
    ...{ timeZone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  });
  return (ms) => minutesOf(format.format(ms));
}

function minutesOf(text: string): number {
  return Number(text.slice(0, 2)) * 60 + Number(text.slice(3, 5));
}

/** Looks at the clock each minute. */
function observedEnd(from: number, to: number, clock: (ms: number) => number, nowMs: number) {
  const isQuiet = (ms: number) => {
    const shown = clock(ms);
    return from < to ? from <= shown && shown < to : shown >= from || shown < to;
  };
  if (!isQuiet(nowMs)) return null;
  let ms = nowMs - (nowMs % MINUTE_MS);
  while (isQuiet(ms)) ms += MINUTE_MS;
  return ms;
}

const CHANGES: readonly (readonly [string, string])[] = [
  ["Europe/Vienna", "2026-03-29T01:00Z"],
  ["Europe/Vienna", "2026-10-25T01:00Z"],
  ["America/New_York", "2026-03-08T07:00Z"],
  ["America/New_York", "2026-11-01T06:00Z"],
  ["Australia/Lord_Howe", "2026-04-04T15:00Z"], // Half an hour.
  ["Australia/Lord_Howe", "2026-10-03T15:30Z"],
  ["Asia/Beirut", "2026-03-28T22:00Z"], // At midnight.
  ["America/Santiago", "2026-04-05T03:00Z"],
  ["Africa/Casablanca", "2026-02-15T02:00Z"], // Ramadan.
  ["Pacific/Apia", "2011-12-30T10:00Z"], // A whole day is left out.
  ["Asia/Kathmandu", "2026-06-01T00:00Z"], // Never; 5:45 from UTC.
];

test("quiet hours end when a clock that is looked at each minute shows it", () => {
  const minute = fc.integer({ min: 0, max: 1_439 });
  const text = (minutes: number) =>
    new Date(minutes * MINUTE_MS)
      .toISOString()
      .slice("1970-01-01T".length, "1970-01-01T".length + 5);
  const clocks = new Map(CHANGES.map(([timeZone]) => [timeZone, clockOf(timeZone)]));
  fc.assert(
    fc.property(
      fc.constantFrom(...CHANGES),
      fc.tuple(minute, minute).filter(([from, to]) => from !== to),
      fc.integer({ min: -36 * 60 * MINUTE_MS, max: 36 * 60 * MINUTE_MS }),
      ([timeZone, change], [from, to], distanceMs) => {
        const nowMs = Date.parse(change) + distanceMs;
        const clock = clocks.get(timeZone) ?? (() => 0);
        const found = quietUntilMs({ from: text(from), to: text(to), timeZone }, nowMs);
        expect(found).toBe(observedEnd(from, to, clock, nowMs));
      },
    ),
    { numRuns: 500 },
  );
});

test("time zones are known by their names, and by offsets", () => {
  const unknown = Intl.supportedValuesOf("timeZone").filter(
    (timeZone) => until("00:00-23:59", timeZone, "2026-01-10T08:00Z") === null,
  );
  expect(unknown).toEqual([]);
  expect(["Europe/Vienna", "UTC", "+05:30"].map(isTimeZone)).toEqual([true, true, true]);
  expect(["", "Mars/Olympus_Mons", "2026-01-10T08:00[UTC]"].map(isTimeZone)).toEqual([
    ...[false, false, false],
  ]);
});
