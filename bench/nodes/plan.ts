import { alone, CLUSTER, together } from "./figures.ts";
import type { NodesWork } from "./job.ts";
import type { Placement, Setup } from "./samples.ts";

/** One start of an installation, and what its users do. */
export interface NodesRun {
  readonly setup: Setup;
  readonly nodes: number;
  readonly placement: Placement;
  readonly work: NodesWork;
}

/** 1:1 messages: by turns in each round, so that a slow spell of the machine falls on all. */
export const NODES_ROUNDS = 2;
/** A second; as few for each node as users of an installation with many nodes would write. */
const PACE = 100;
const MOST_NODES = 3;

export function runsOfRound(quick: boolean): NodesRun[] {
  const work: NodesWork = {
    ...{ kind: "pairs", pairsOfNode: 300, inFlightOfNode: 256, messagesPerSecond: PACE },
    // Fewer, and code is measured that the engine has not compiled yet.
    ...{ warmUpMessagesOfNode: quick ? 500 : 20_000, seconds: quick ? 1 : 4 },
  };
  const alone = (["SQLite", "PostgreSQL", CLUSTER] as const).map((setup) => ({
    ...{ setup, nodes: 1, placement: "spread" as const, work },
  }));
  const together = [2, MOST_NODES].flatMap((nodes) =>
    (["spread", "apart"] as const).map((placement) => ({
      ...({ setup: CLUSTER, nodes, placement, work } as const),
    })),
  );
  return [...alone, ...together];
}

/** Those up to 32 are told user by user, larger ones all nodes at once: see `ToldOthers`. */
export const GROUP_SIZES = [8, 32, 100] as const;
/** Deliveries a second of all groups: one core holds them with all that takes part, on three nodes too. */
const GROUP_DELIVERIES = 1_600;
const GROUP_USERS = 300;

/** Groups; users who come, live and go; and what a node hears of many others. */
export function runsOnce(quick: boolean): NodesRun[] {
  const groups = (nodes: number, members: number, placement: Placement): NodesRun => ({
    ...{ setup: CLUSTER, nodes, placement },
    work: {
      ...{ kind: "groups", groups: Math.ceil(GROUP_USERS / members), members },
      messagesPerSecond: Math.min(PACE, GROUP_DELIVERIES / members),
      ...(quick ? { warmUpSeconds: 1, seconds: 1 } : { warmUpSeconds: 2, seconds: 4 }),
    },
  });
  const largest = Math.max(...GROUP_SIZES);
  const crowds = [1, 2, MOST_NODES].map(
    (nodes): NodesRun => ({
      ...{ setup: CLUSTER, nodes, placement: "spread" },
      work: {
        ...{ kind: "crowd", heartbeatMs: 10_000 },
        users: quick ? [300, 600] : [1_000, 4_000, 8_000],
        idleSeconds: quick ? 1 : 4,
        ...{ visitsPerSecond: 50, visitSeconds: quick ? 1 : 4 },
      },
    }),
  );
  const readings = [alone(CLUSTER), together(MOST_NODES, "apart")].map(
    (of): NodesRun => ({
      ...of,
      work: {
        ...{ kind: "readings", pairs: 300, readingsPerSecond: PACE },
        ...(quick ? { warmUpSeconds: 1, seconds: 1 } : { warmUpSeconds: 2, seconds: 4 }),
      },
    }),
  );
  const others: NodesRun = {
    ...{ setup: CLUSTER, nodes: 1, placement: "spread" },
    work: {
      // Of a node so far from each other that each is told by itself.
      ...{ kind: "others", others: [4, 32], changesPerSecond: 64 },
      seconds: quick ? 1 : 4,
    },
  };
  return [
    ...[1, MOST_NODES].flatMap((nodes) =>
      GROUP_SIZES.map((members) => groups(nodes, members, "spread")),
    ),
    groups(MOST_NODES, largest, "gathered"),
    ...readings,
    ...crowds,
    others,
  ];
}

/** Users of another node, of whom a node knows more and more. */
export function othersUsersSteps(quick: boolean): number[] {
  return quick ? [1_000, 5_000, 10_000] : [10_000, 50_000, 100_000];
}
