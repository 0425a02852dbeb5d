import type { Scenario } from "./load/job.ts";

export const PARTS = [
  ...(["codec", "micro", "queues", "storage"] as const),
  ...(["chat", "fan-out", "groups", "storm", "slow-readers"] as const),
  ...(["typing", "presence", "mixed-day", "idle", "crowd", "costs", "ratios"] as const),
  ...(["notices", "nodes"] as const),
] as const;
export type Part = (typeof PARTS)[number];

/** Each takes more than a minute, the cost curves and several nodes some minutes. */
const ON_REQUEST: readonly Part[] = ["storage", "crowd", "mixed-day", "costs", "notices", "nodes"];
const NOT_QUICK: readonly Part[] = [
  ...(["codec", "queues", "groups", "storm"] as const),
  ...(["slow-readers", "typing", "presence"] as const),
];

/** What runs without being asked for. */
export const USUAL_PARTS: readonly Part[] = PARTS.filter((part) => !ON_REQUEST.includes(part));
export const QUICK_PARTS: readonly Part[] = USUAL_PARTS.filter((part) => !NOT_QUICK.includes(part));

/** Micro benches by part, files in `bench/micro`. */
export const MICRO: Readonly<Partial<Record<Part, string>>> = {
  codec: "codec.ts",
  micro: "fan-out.ts",
  queues: "queues.ts",
  storage: "storage.ts",
};

/** By part; what `ratios` and `notices` run is in `ratios.ts` and `notices/run.ts`, what `nodes` runs in `nodes/plan.ts`. */
export function scenariosOf(parts: readonly Part[], quick: boolean): Scenario[] {
  return parts.flatMap((part) => SCENARIOS[part]?.(quick) ?? []);
}

const SCENARIOS: Readonly<Partial<Record<Part, (quick: boolean) => Scenario[]>>> = {
  chat: (quick) => {
    const times = quick ? { warmUpSeconds: 1, seconds: 2 } : { warmUpSeconds: 4, seconds: 8 };
    // What a machine cannot hold piles up, and must be done with before the end.
    const flood = { warmUpSeconds: 2, seconds: 2 };
    const chat = { scenario: "chat", pairs: 500 } as const;
    const held = [2_000, 10_000].map((rate) => ({ ...chat, messagesPerSecond: rate, ...times }));
    if (quick) return held;
    return [
      ...held,
      { ...chat, messagesPerSecond: 20_000, ...flood },
      { ...chat, messagesPerSecond: 50_000, ...flood },
    ];
  },
  "fan-out": (quick) => [
    {
      scenario: "fan-out",
      subscribers: 1_000,
      publishesPerSecond: 100,
      subscriptionIds: "shared",
      warmUpSeconds: quick ? 0.5 : 1,
      seconds: quick ? 1.5 : 5,
    },
  ],
  groups: () =>
    [10, 100, 1_000].map((members) => ({
      ...{ scenario: "groups", groups: 1_000 / members, members },
      // The same number of deliveries in all.
      ...{ messagesPerSecond: 20_000 / members, warmUpSeconds: 2, seconds: 5 },
    })),
  storm: () => [
    { scenario: "storm", connections: 2_000, atOnce: 32, waiting: 0 },
    { scenario: "storm", connections: 2_000, atOnce: 32, waiting: 0, watchesPresence: false },
    { scenario: "storm", connections: 1_000, atOnce: 32, waiting: 20 },
  ],
  "slow-readers": () => [
    {
      ...{ scenario: "slow-readers", subscribers: 100, slow: 20 },
      ...{ bodyBytes: 8_192, publishesPerSecond: 200, warmUpSeconds: 1, seconds: 6 },
    },
  ],
  typing: () => [
    {
      ...{ scenario: "typing", conversations: 500 },
      ...{ eventsPerSecond: 5_000, warmUpSeconds: 1, seconds: 4 },
    },
  ],
  presence: () => [
    {
      ...{ scenario: "presence", users: 500, watchers: 100 },
      ...{ eventsPerSecond: 1_000, warmUpSeconds: 1, seconds: 4 },
    },
  ],
  "mixed-day": (quick) => [
    {
      ...{ scenario: "mixed-day", users: 1_000, eventsPerSecond: 2_000 },
      ...(quick ? { warmUpSeconds: 1, seconds: 3 } : { warmUpSeconds: 5, seconds: 60 }),
    },
  ],
  costs: (quick) =>
    (["users", "topics", "messages", "history"] as const).flatMap((of) =>
      [1, 2, 4, 8].map((times) => ({
        ...{ scenario: "cost" as const, of, times },
        ...(quick ? { warmUpSeconds: 0.5, seconds: 1 } : { warmUpSeconds: 2, seconds: 4 }),
      })),
    ),
  idle: (quick) => [
    { scenario: "idle", connections: 2_000, warmUpConnections: 200, seconds: quick ? 2 : 10 },
  ],
  // With heart-beats far apart the memory of many more could be had, but not their cost.
  crowd: () =>
    [5_000, 10_000, 18_800].map((connections) => ({
      ...{ scenario: "idle", connections, warmUpConnections: 200, seconds: 25 },
    })),
};
