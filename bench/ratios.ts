import type { Children } from "./children.ts";
import type { Scenario } from "./load/job.ts";
import { runScenario, type ScenarioResult } from "./load/run.ts";
import type { ServerKind } from "./load/server-process.ts";

/** One scenario of one round against one server. */
export interface RatioSample extends ScenarioResult {
  readonly round: number;
  readonly server: ServerKind;
}

const ROUNDS = 3;
/** Enough to keep the server busy, few enough that none waits long. */
export const CHAT_IN_FLIGHT = 256;

/**
 * Parley and the bare engine by turns, so that a slow spell of the machine falls on both, and a
 * server of its own for each sample.
 */
export async function runRatios(quick: boolean, children: Children): Promise<RatioSample[]> {
  const samples: RatioSample[] = [];
  for (let round = 1; round <= (quick ? 1 : ROUNDS); round += 1) {
    for (const { scenario, servers } of runsOf(quick)) {
      for (const server of servers) {
        console.log(`── round ${round}, ${server}: ${JSON.stringify(scenario)}`);
        samples.push({ round, server, ...(await runScenario(scenario, children, server)) });
      }
    }
  }
  return samples;
}

interface Run {
  readonly scenario: Scenario;
  readonly servers: readonly ServerKind[];
}

/** Publishes a second at which messages meet within a millisecond. */
export const GATHERED_RATE = 2_500;

function runsOf(quick: boolean): Run[] {
  const both = ["bare", "parley"] as const;
  const fanOut = {
    scenario: "fan-out",
    publishesPerSecond: null,
    subscriptionIds: "shared",
    warmUpSeconds: quick ? 0.5 : 1.5,
    seconds: quick ? 1 : 3,
  } as const;
  const chat = {
    scenario: "chat-loop",
    pairs: 500,
    inFlight: CHAT_IN_FLIGHT,
    seconds: quick ? 2 : 5,
  } as const;
  const shareOfLoneRate = 0.7;
  return [
    {
      scenario: { ...fanOut, subscribers: 100, publishesPerSecond: GATHERED_RATE, shareOfLoneRate },
      servers: both,
    },
    { scenario: { ...fanOut, subscribers: 1_000, shareOfLoneRate }, servers: both },
    {
      scenario: { ...chat, hasConfirmations: false, warmUpSeconds: quick ? 1 : 3 },
      servers: ["bare"],
    },
    {
      // The engine compiles for so long what takes part in a message.
      scenario: { ...chat, hasConfirmations: true, warmUpSeconds: quick ? 2 : 12 },
      servers: ["parley"],
    },
    // To the engine alone ids and wires are nothing.
    {
      scenario: { ...fanOut, subscribers: 1_000, subscriptionIds: "distinct" },
      servers: ["parley"],
    },
    { scenario: { ...fanOut, subscribers: 100, wires: "mixed" }, servers: ["parley"] },
  ];
}
