import {
  alone,
  CLUSTER,
  databaseBytes,
  type InstallationOf,
  NodesFigures,
  together,
} from "../nodes/figures.ts";
import type { NodesReport, Phase, Usage, Work } from "../nodes/samples.ts";
import { type Point, slopeOf } from "./slope.ts";
import { excess, mean, NO_USAGE, times } from "./usages.ts";

/** Of a message to a conversation of so many, everybody connected. */
export interface MessageCost {
  readonly members: number;
  /** All of them on one node. */
  readonly here: Usage;
  /** Each further node that has some. */
  readonly elsewhere: Usage;
  /** Each node that has none. */
  readonly nowhere: Usage;
}

/** Of a conversation of two. */
const TWO = 2;

/** What was measured of one of each. */
export interface Costs {
  readonly messages: readonly MessageCost[];
  /** Of what one of two has written the other reads. */
  readonly reading: MessageCost;
  /** Who comes and goes, in an installation of one node. */
  readonly visit: Usage;
  /** An idle connection, in a second. */
  readonly connection: Usage;
  /** A node with nobody on it and no other beside it, in a second. */
  readonly node: Usage;
  /** What a node hears of another one once a second, and of one change of its users: at the node and in Redis. */
  readonly heardBeat: Usage;
  readonly heardChange: Usage;
  /** Memory of a node with nobody on it, of each connection, and of each user of another node. */
  readonly nodeBytes: number;
  readonly connectionBytes: number;
  readonly othersUserBytes: number;
  /** Memory of Redis for each connected user. */
  readonly channelBytes: number;
  /** What the database grows by with each message. */
  readonly databaseBytes: number;
  /** To PostgreSQL, of each node. */
  readonly databaseConnections: number;
  /** That PostgreSQL makes in a second for many clients at once. */
  readonly commitsPerSecond: number;
}

/** What one of each costs, by a run of several nodes. Throws where it measured too little. */
export function costsOf(report: NodesReport): Costs {
  const reader = new CostReader(report);
  return {
    messages: [reader.pairs("paced"), ...reader.groupSizes.map((members) => reader.group(members))],
    reading: reader.pairs("readings"),
    visit: reader.perOperation(alone(CLUSTER), "visits"),
    connection: reader.connection(),
    node: reader.idle(1),
    ...reader.heard(),
    ...reader.memory(report),
    ...reader.database(),
    commitsPerSecond: Math.max(...report.commits.map(({ perSecond }) => perSecond)),
  };
}

class CostReader {
  readonly #figures: NodesFigures;

  constructor(report: NodesReport) {
    this.#figures = new NodesFigures(report);
  }

  get groupSizes(): number[] {
    return this.#figures.sizes("groups");
  }

  /** Two who are never on one node, beside two who always are. */
  pairs(work: "paced" | "readings"): MessageCost {
    const here = this.perOperation(alone(CLUSTER), work);
    const apart = this.perOperation(together(this.#most(work, "apart"), "apart"), work);
    return { members: TWO, here, elsewhere: excess(apart, here), nowhere: NO_USAGE };
  }

  group(members: number): MessageCost {
    const here = this.perOperation(alone(CLUSTER), "groups", members);
    const nodes = this.#most("groups", "spread");
    const spread = this.perOperation(together(nodes), "groups", members);
    const elsewhere = times(excess(spread, here), 1 / (nodes - 1));
    const gathered = together(nodes, "gathered");
    // Others hear of a smaller group only where its members are.
    if (this.#figures.phases(gathered, "groups", members).length === 0) {
      return { members, here, elsewhere, nowhere: NO_USAGE };
    }
    const more = excess(this.perOperation(gathered, "groups", members), here);
    return { members, here, elsewhere, nowhere: times(more, 1 / (nodes - 1)) };
  }

  /** Beyond what the nodes would have used without users. */
  perOperation(of: InstallationOf, work: Work, size?: number): Usage {
    const idle = this.idle(of.nodes);
    const phases = this.#phases(of, work, size);
    return mean(
      phases.map(({ used, seconds, count }) =>
        times(excess(used, times(idle, seconds)), 1 / count),
      ),
    );
  }

  /** Of nodes without users, in a second. */
  idle(nodes: number): Usage {
    return mean(this.#phases(together(nodes), "idle", 0).map(perSecond));
  }

  connection(): Usage {
    const full = this.#phases(alone(CLUSTER), "idle").filter(({ size }) => size > 0);
    return mean(full.map((phase) => times(excess(perSecond(phase), this.idle(1)), 1 / phase.size)));
  }

  /** Of another node, at the node that hears it and in Redis that brings it there. */
  heard(): Pick<Costs, "heardBeat" | "heardChange"> {
    const steps = this.#figures.sizes("changes").map((others) => {
      const beats = mean(this.#phases(alone(CLUSTER), "beats", others).map(perSecond));
      const [changes] = this.#phases(alone(CLUSTER), "changes", others);
      if (changes === undefined) throw new Error("The run has no changes");
      const more = excess(changes.used, times(beats, changes.seconds));
      // The node hears all of them, and so does each other node.
      return { nodes: others + 1, beats, change: times(more, 1 / changes.count) };
    });
    const slope = (of: (step: (typeof steps)[number]) => Point) =>
      Math.max(0, slopeOf(steps.map(of)));
    const heardChange = {
      ...NO_USAGE,
      nodesCpuSeconds: mean(steps.map(({ change }) => change)).nodesCpuSeconds,
      redisCpuSeconds: slope(({ nodes, change }) => ({ x: nodes, y: change.redisCpuSeconds })),
      redisBytesOut: slope(({ nodes, change }) => ({ x: nodes, y: change.redisBytesOut })),
    };
    // A beat is a message as well; there are too few of them for their CPU time to be told from the rest.
    // Of N nodes each beats once a second, and each hears all of them.
    const beatBytes = slope(({ nodes, beats }) => ({ x: nodes ** 2, y: beats.redisBytesOut }));
    return { heardChange, heardBeat: { ...heardChange, redisBytesOut: beatBytes } };
  }

  memory({ othersUsers }: NodesReport) {
    const arrivals = this.#phases(alone(CLUSTER), "arrive");
    const points = (of: (phase: Phase) => Point) => arrivals.map(of);
    const connectionBytes = slopeOf(
      points(({ size, after }) => ({ x: size, y: after.nodesRssBytes })),
    );
    const channelBytes = slopeOf(
      points(({ after }) => ({ x: after.redisChannels, y: after.redisBytes })),
    );
    const [first] = arrivals;
    if (first === undefined) throw new Error("The run has no arrivals");
    const ofStep = (of: "liveBytes" | "rssBytes") =>
      slopeOf(othersUsers.steps.map((step) => ({ x: step.users, y: step[of] })));
    return {
      nodeBytes: first.after.nodesRssBytes - first.size * connectionBytes,
      ...{ connectionBytes, channelBytes },
      // What lives needs room between it as well.
      othersUserBytes: Math.max(ofStep("liveBytes"), ofStep("rssBytes")),
    };
  }

  database(): Pick<Costs, "databaseBytes" | "databaseConnections"> {
    const nodes = this.#most("full", "apart");
    const growth = this.#phases(together(nodes, "apart"), "full").map(databaseBytes);
    const connections = this.#phases(together(nodes, "apart"), "full").map(
      ({ after }) => after.databaseConnections / nodes,
    );
    return {
      databaseBytes: growth.reduce((all, each) => all + each, 0) / growth.length,
      databaseConnections: Math.max(...connections),
    };
  }

  /** Throws where there are none. */
  #phases(of: InstallationOf, work: Work, size?: number): Phase[] {
    const phases = this.#figures.phases(of, work, size);
    if (phases.length > 0) return phases;
    throw new Error(`The run has no ${work} of ${of.nodes} nodes, ${of.placement}`);
  }

  /** Of so many nodes at most it was measured. */
  #most(work: Work, placement: InstallationOf["placement"]): number {
    const found = this.#figures.installations(work).filter((of) => of.placement === placement);
    return Math.max(...found.map(({ nodes }) => nodes));
  }
}

function perSecond({ used, seconds }: Phase): Usage {
  return times(used, 1 / seconds);
}
