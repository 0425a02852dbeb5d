import type { LoadMeasurement, Outcome } from "../measurement.ts";
import type { MixedDayScenario, Target } from "./job.ts";
import { type EventKind, MixedDayCrowd } from "./mixed-day-crowd.ts";
import { measurePhase } from "./phase.ts";

/** Of 200 events. Somebody who writes tells first that they are typing, and three of four read it. */
const MIX: readonly (readonly [EventKind, number])[] = [
  ["direct", 40],
  ["group", 8],
  ["typing", 120],
  ["read", 30],
  ["presence", 1],
  ["return", 1],
];

/** With no divisor in common with 200: the kinds meet each other, and none comes in a row. */
const STRIDE = 77;

const WHEEL = MIX.flatMap(([kind, share]) => Array.from({ length: share }, () => kind));

/**
 * A day in a chat application, at a rate that does not wait for the server. Everybody has the five
 * usual subscriptions, sees all presence, and has one direct conversation and a group of ten.
 */
export async function runMixedDay(scenario: MixedDayScenario, target: Target): Promise<Outcome> {
  const { users, eventsPerSecond, warmUpSeconds, seconds } = scenario;
  const crowd = new MixedDayCrowd(users, target);
  await crowd.connect();
  let events = 0;
  const send = (dueMs: number) => {
    const kind = WHEEL[(events * STRIDE) % WHEEL.length];
    events += 1;
    if (kind !== undefined) crowd.act(kind, dueMs);
  };
  const live = (forSeconds: number) => crowd.live(eventsPerSecond, forSeconds, send);
  await live(warmUpSeconds);
  const name = `mixed day, ${users.toLocaleString("en")} users, ${eventsPerSecond.toLocaleString("en")} events/s`;
  const measurement: LoadMeasurement = await measurePhase(name, target, crowd.latencies, () =>
    live(seconds),
  );
  crowd.close();
  return { measurements: [measurement], faults: crowd.faults };
}
