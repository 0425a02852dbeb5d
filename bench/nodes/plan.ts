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
/** A second; what a third of a core holds with all that takes part. */
const PACE = 500;
const MOST_NODES = 3;

const CLUSTER: Setup = "PostgreSQL and Redis";

export function runsOfRound(quick: boolean): NodesRun[] {
  const work: NodesWork = {
    ...{ kind: "pairs", pairs: 300, inFlight: 256, messagesPerSecond: PACE },
    ...(quick ? { warmUpSeconds: 1, seconds: 1 } : { warmUpSeconds: 6, seconds: 4 }),
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

/** Groups, whose members are on all nodes; and users who come, live and go. */
export function runsOnce(quick: boolean): NodesRun[] {
  const groups = [1, MOST_NODES].flatMap((nodes) =>
    [20, 100].map((members) => ({
      ...{ setup: CLUSTER, nodes, placement: "spread" as const },
      work: {
        ...{ kind: "groups" as const, groups: 300 / members, members },
        // As many deliveries in all.
        messagesPerSecond: 4_000 / members,
        ...(quick ? { warmUpSeconds: 1, seconds: 1 } : { warmUpSeconds: 2, seconds: 2 }),
      },
    })),
  ) satisfies NodesRun[];
  const crowds = [1, 2, MOST_NODES].map((nodes) => ({
    ...({ setup: CLUSTER, nodes, placement: "spread" } as const),
    work: {
      ...({ kind: "crowd", isOnOneNode: false, heartbeatMs: 10_000 } as const),
      users: quick ? [300, 600] : [1_000, 4_000, 8_000],
      idleSeconds: quick ? 1 : 4,
    },
  }));
  return [...groups, ...crowds];
}
