const DAY_MS = 24 * 60 * 60 * 1000;

const timeFormat = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const weekdayFormat = new Intl.DateTimeFormat("en", { weekday: "long" });
const dateFormat = new Intl.DateTimeFormat("en", { day: "numeric", month: "long" });
const yearFormat = new Intl.DateTimeFormat("en", {
  ...{ day: "numeric", month: "long", year: "numeric" },
});

export function timeOfDay(atMs: number): string {
  return timeFormat.format(atMs);
}

/** The start of the day, in the browser's time zone. */
export function startOfDay(atMs: number): number {
  return new Date(atMs).setHours(0, 0, 0, 0);
}

/** "Today", "Yesterday", "Monday", "3 March", "3 March 2025". */
export function dayLabel(atMs: number, nowMs: number): string {
  // Days of 23 and 25 hours round to one.
  const days = Math.round((startOfDay(nowMs) - startOfDay(atMs)) / DAY_MS);
  if (days <= 0) return "Today";
  if (days === 1) return "Yesterday";
  if (days < 7) return weekdayFormat.format(atMs);
  const isThisYear = new Date(atMs).getFullYear() === new Date(nowMs).getFullYear();
  return (isThisYear ? dateFormat : yearFormat).format(atMs);
}

/** For a list: the time today, else the day. */
export function listLabel(atMs: number, nowMs: number): string {
  const day = dayLabel(atMs, nowMs);
  return day === "Today" ? timeOfDay(atMs) : day;
}

/** "today at 12:30", "3 March at 12:30". */
export function momentLabel(atMs: number, nowMs: number): string {
  const day = dayLabel(atMs, nowMs).replace(/^(Today|Yesterday)$/, (name) => name.toLowerCase());
  return `${day} at ${timeOfDay(atMs)}`;
}

export function lastSeenLabel(atMs: number, nowMs: number): string {
  return `last seen ${momentLabel(atMs, nowMs)}`;
}
