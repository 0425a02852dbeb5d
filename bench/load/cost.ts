import type { Faults, Outcome } from "../measurement.ts";
import { Chat, COMPLETE } from "./chat-pairs.ts";
import { historyWork } from "./cost-of-history.ts";
import { topicsWork } from "./cost-of-topics.ts";
import type { CostScenario, Target } from "./job.ts";
import type { Latencies } from "./latencies.ts";
import { measurePhase, type PhaseWork } from "./phase.ts";

const PAIRS = 100;
const MESSAGES_PER_SECOND = 1_000;

/** Operations, the same from one multiple to the next but for what there is more of. */
export interface CostWork {
  readonly what: string;
  readonly faults: Faults;
  readonly latencies: readonly Latencies[];
  prepare(): Promise<void>;
  run(seconds: number): Promise<PhaseWork>;
  close(): void;
}

/**
 * What one operation costs the server when there is twice, four times, eight times as much of one
 * thing. `messages / serverCpuSeconds` of these runs is a curve; where it is flat, cost is linear.
 */
export async function runCost(scenario: CostScenario, target: Target): Promise<Outcome> {
  const { warmUpSeconds, seconds } = scenario;
  const work = WORK[scenario.of](scenario.times, target);
  await work.prepare();
  await work.run(warmUpSeconds);
  const name = `cost, ${scenario.of} × ${scenario.times}: ${work.what}`;
  const measurement = await measurePhase(name, target, work.latencies, () => work.run(seconds));
  work.close();
  return { measurements: [measurement], faults: work.faults };
}

const WORK: Readonly<Record<CostScenario["of"], (times: number, target: Target) => CostWork>> = {
  users: (times, target) => chatWork(PAIRS * times, 4 * MESSAGES_PER_SECOND, target),
  messages: (times, target) => chatWork(PAIRS, times * MESSAGES_PER_SECOND, target),
  topics: topicsWork,
  history: historyWork,
};

function chatWork(pairs: number, perSecond: number, target: Target): CostWork {
  const chat = new Chat(pairs, COMPLETE, target);
  return {
    what: `1:1 among ${(2 * pairs).toLocaleString("en")} users, ${perSecond.toLocaleString("en")}/s`,
    faults: chat.faults,
    latencies: chat.latencies,
    prepare: () => chat.connect(),
    async run(seconds) {
      const { count, ...took } = await chat.exchange(perSecond, seconds);
      return { messages: count, deliveries: count, ...took };
    },
    close: () => chat.close(),
  };
}
