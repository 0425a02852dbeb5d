import type { QuietHours } from "./preferences.ts";

const DAY_MS = 86_400_000;

/**
 * When the quiet hours end in which this moment is, in epoch milliseconds; null: it is in none. What
 * counts is what a clock on the wall shows: where it is set forward past their end, they end then, and
 * where it is set back into them, they come again. Two times that are the same make no quiet hours, and
 * neither does a time zone that this server does not know, as one may that another version stored.
 */
export function quietUntilMs(hours: QuietHours, nowMs: number): number | null {
  if (hours.from === hours.to || !isTimeZone(hours.timeZone)) return null;
  const fromMs = timeOfDayMs(hours.from);
  const toMs = timeOfDayMs(hours.to);
  const isQuiet = (shownMs: number) =>
    fromMs < toMs ? shownMs >= fromMs && shownMs < toMs : shownMs >= fromMs || shownMs < toMs;

  let now = Temporal.Instant.fromEpochMilliseconds(nowMs).toZonedDateTimeISO(hours.timeZone);
  while (isQuiet(shownMsOf(now))) {
    const leftMs = (toMs - shownMsOf(now) + DAY_MS) % DAY_MS;
    const end = now.add({ milliseconds: leftMs });
    const change = now.getTimeZoneTransition("next");
    if (change === null || Temporal.ZonedDateTime.compare(end, change) < 0) {
      return end.epochMilliseconds;
    }
    now = change;
  }
  return now.epochMilliseconds === nowMs ? null : now.epochMilliseconds;
}

/** Whether the name, or the offset such as `+01:00`, is of a time zone that this server knows. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

function timeOfDayMs(text: string): number {
  const [hour = 0, minute = 0] = text.split(":").map(Number);
  return (hour * 60 + minute) * 60_000;
}

function shownMsOf({ hour, minute, second, millisecond }: Temporal.ZonedDateTime): number {
  return ((hour * 60 + minute) * 60 + second) * 1_000 + millisecond;
}
