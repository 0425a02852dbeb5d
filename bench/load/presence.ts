import { countLost, noFaults, type Outcome } from "../measurement.ts";
import { BusyLoop } from "./busy-loop.ts";
import { after, numberAt } from "./frame-fields.ts";
import type { PresenceScenario, Target } from "./job.ts";
import { Latencies } from "./latencies.ts";
import { runOpenLoop } from "./open-loop.ts";
import { measurePhase } from "./phase.ts";
import { Signals } from "./signals.ts";
import { connectMany, StompClient } from "./stomp-client.ts";

const USER = Buffer.from('"userId":"flips-');
const STATUS = Buffer.from('"status":"');
const LETTER_A = 65;

/** Users are away and back again and again, and a crowd watches all of them. */
export async function runPresence(scenario: PresenceScenario, target: Target): Promise<Outcome> {
  const { users, watchers, eventsPerSecond, warmUpSeconds, seconds } = scenario;
  const faults = noFaults();
  const loop = new BusyLoop();
  const times = new Latencies("presence → seen by each watcher");
  const signals = new Signals(times, users, watchers);
  let deliveries = 0;
  let progressMs = 0;
  const received = (watcher: number, bytes: Buffer, start: number, end: number) => {
    const userAt = after(bytes, USER, start, end);
    if (userAt === -1) return; // A watcher's own.
    loop.worked();
    deliveries += 1;
    progressMs = performance.now();
    const isAway = bytes[after(bytes, STATUS, start, end)] === LETTER_A;
    signals.saw(numberAt(bytes, userAt), watcher, isAway, progressMs);
  };
  const options = { port: target.port, heartBeat: "0,0" };
  const crowd = await connectMany(watchers, async (watcher) => {
    const client = await StompClient.connect({
      ...{ ...options, userId: `watches-${watcher}` },
      onMessage: (bytes, start, end) => received(watcher, bytes, start, end),
      onLost: countLost(faults, `watches-${watcher}`),
    });
    await client.subscribe({ "sub-0": "/topic/presence" });
    return client;
  });
  const clients = await connectMany(users, (user) =>
    StompClient.connect({
      ...{ ...options, userId: `flips-${user}` },
      onMessage: () => {},
      onLost: countLost(faults, `flips-${user}`),
    }),
  );
  let next = 0;
  const send = (dueMs: number) => {
    const user = next % users;
    next += 1;
    const status = signals.flip(user, dueMs) ? "AWAY" : "ONLINE";
    clients[user]?.send(`SEND\ndestination:/app/user.presence\n\n{"status":"${status}"}\0`);
  };
  const tell = async (forSeconds: number) => {
    deliveries = 0;
    const { count, ...took } = await runOpenLoop(loop, {
      ...{ perSecond: eventsPerSecond, seconds: forSeconds, send },
      isDrained: () => signals.unseen === 0,
      progressMs: () => progressMs,
    });
    return { messages: count, deliveries, ...took };
  };
  await tell(warmUpSeconds);
  const name = `presence, ${users} users, ${watchers} watchers, ${eventsPerSecond.toLocaleString("en")} events/s`;
  const measurement = await measurePhase(name, target, [times], () => tell(seconds));
  faults.lost += signals.unseen;
  for (const client of [...clients, ...crowd]) client.close();
  return { measurements: [measurement], faults };
}
