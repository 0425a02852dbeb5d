import type { Scenario } from "./load/job.ts";

export const PARTS = [
  ...(["codec", "micro", "queues", "storage"] as const),
  ...(["chat", "fan-out", "idle", "ratios"] as const),
] as const;
export type Part = (typeof PARTS)[number];

/** What runs without being asked for; the store's own bench takes a minute of a slow disk. */
export const USUAL_PARTS: readonly Part[] = PARTS.filter((part) => part !== "storage");
export const QUICK_PARTS: readonly Part[] = USUAL_PARTS.filter(
  (part) => part !== "codec" && part !== "queues",
);

/** Micro benches by part, files in `bench/micro`. */
export const MICRO: Readonly<Partial<Record<Part, string>>> = {
  codec: "codec.ts",
  micro: "fan-out.ts",
  queues: "queues.ts",
  storage: "storage.ts",
};

export function scenariosOf(parts: readonly Part[], quick: boolean): Scenario[] {
  const times = quick ? { warmUpSeconds: 1, seconds: 2 } : { warmUpSeconds: 3, seconds: 10 };
  const all: Scenario[] = [
    { scenario: "chat", pairs: 100, messagesPerSecond: 2_000, ...times },
    { scenario: "chat", pairs: 100, messagesPerSecond: 10_000, ...times },
    {
      scenario: "fan-out",
      subscribers: 1_000,
      publishesPerSecond: 100,
      subscriptionIds: "shared",
      warmUpSeconds: quick ? 0.5 : 1,
      seconds: quick ? 1.5 : 5,
    },
    { scenario: "idle", connections: 2_000, warmUpConnections: 200, seconds: quick ? 2 : 10 },
  ];
  return all.filter(({ scenario }) => parts.some((part) => part === scenario));
}
