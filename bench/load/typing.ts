import { countLost, noFaults, type Outcome } from "../measurement.ts";
import { BusyLoop } from "./busy-loop.ts";
import { makeConversation } from "./conversations.ts";
import { after, numberAt } from "./frame-fields.ts";
import type { Target, TypingScenario } from "./job.ts";
import { Latencies } from "./latencies.ts";
import { runOpenLoop } from "./open-loop.ts";
import { measurePhase } from "./phase.ts";
import { Signals } from "./signals.ts";
import { connectMany, StompClient } from "./stomp-client.ts";

const USER = Buffer.from('"userId":"user-');
const IS_TYPING = Buffer.from('"isTyping":');
const LETTER_T = 116;

/** Everybody begins and stops typing, each to one other; both see what is told of either. */
export async function runTyping(scenario: TypingScenario, target: Target): Promise<Outcome> {
  const { conversations, eventsPerSecond, warmUpSeconds, seconds } = scenario;
  const faults = noFaults();
  const loop = new BusyLoop();
  const times = new Latencies("typing → seen by the other");
  const users = 2 * conversations;
  const signals = new Signals(times, users, 1);
  let deliveries = 0;
  let progressMs = 0;
  const received = (user: number, bytes: Buffer, start: number, end: number) => {
    loop.worked();
    deliveries += 1;
    const typist = numberAt(bytes, after(bytes, USER, start, end));
    if (typist === user) return;
    progressMs = performance.now();
    const isTyping = bytes[after(bytes, IS_TYPING, start, end)] === LETTER_T;
    signals.saw(typist, 0, isTyping, progressMs);
  };
  for (let pair = 0; pair < conversations; pair += 1) {
    await makeConversation(target, `pair-${pair}`, [`user-${2 * pair}`, `user-${2 * pair + 1}`]);
  }
  const clients = await connectMany(users, async (user) => {
    const client = await StompClient.connect({
      ...{ port: target.port, userId: `user-${user}`, heartBeat: "0,0" },
      onMessage: (bytes, start, end) => received(user, bytes, start, end),
      onLost: countLost(faults, `user-${user}`),
    });
    await client.subscribe({ t: `/topic/typing/pair-${user >> 1}` });
    return client;
  });
  let next = 0;
  const send = (dueMs: number) => {
    const user = next % users;
    next += 1;
    const body = `{"isTyping":${signals.flip(user, dueMs)}}`;
    clients[user]?.send(`SEND\ndestination:/app/chat.typing/pair-${user >> 1}\n\n${body}\0`);
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
  const name = `typing, ${conversations.toLocaleString("en")} conversations, ${eventsPerSecond.toLocaleString("en")} events/s`;
  const measurement = await measurePhase(name, target, [times], () => tell(seconds));
  faults.lost += signals.unseen;
  for (const client of clients) client.close();
  return { measurements: [measurement], faults };
}
