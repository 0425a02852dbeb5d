import {
  alone,
  CLUSTER,
  commits,
  databaseBytes,
  type InstallationOf,
  NodesFigures,
  nodesUs,
  postgresUs,
  publishes,
  redisUs,
  together,
  walBytes,
} from "../nodes/figures.ts";
import type { NodesReport, Phase, Work } from "../nodes/samples.ts";
import type { Costs } from "./needs.ts";

/** What one of each costs, by a run of several nodes. Throws where it measured too little. */
export function costsOf(report: NodesReport): Costs {
  const figures = new NodesFigures(report);
  const one = alone(CLUSTER);
  const two = together(2, "apart");
  const figure = (of: InstallationOf, work: Work, read: (phase: Phase) => number) => {
    const found = figures.reading(of, work, undefined, read);
    if (found === null) throw new Error(`The run has no ${work} of ${of.nodes} nodes`);
    return found.median;
  };
  const message = (read: (phase: Phase) => number) => figure(two, "paced", read);
  const [first, last] = [figures.phases(one, "arrive")[0], figures.phases(one, "arrive").at(-1)];
  const [empty, full] = [figures.phases(one, "idle")[0], figures.phases(one, "idle").at(-1)];
  if (!first || !last || !empty || !full) throw new Error("The run has no users who come and live");
  const users = last.size - first.size;
  const connectionBytes = (last.after.nodesRssBytes - first.after.nodesRssBytes) / users;
  const visit = (nodes: number) => {
    const of = together(nodes);
    const [arrival, leave] = [figures.phases(of, "arrive").at(-1), figures.phases(of, "leave")[0]];
    if (!arrival || !leave) throw new Error(`The run has no visits to ${nodes} nodes`);
    return nodesUs(arrival) + nodesUs(leave);
  };
  const idleUs = (phase: Phase) => (phase.used.nodesCpuSeconds * 1e6) / phase.seconds;
  return {
    nodeBytes: first.after.nodesRssBytes - first.size * connectionBytes,
    connectionBytes,
    idleUs: (idleUs(full) - idleUs(empty)) / full.size,
    visitUs: visit(1),
    visitElsewhereUs: Math.max(0, (visit(3) - visit(1)) / 2),
    messageUs: message(nodesUs),
    publishes: message(publishes),
    publishUs: message((phase) => redisUs(phase) / publishes(phase)),
    channelBytes:
      (last.after.redisBytes - first.after.redisBytes) /
      (last.after.redisChannels - first.after.redisChannels),
    postgresUs: message(postgresUs),
    commits: message(commits),
    walBytes: message(walBytes),
    databaseBytes: figure(two, "full", databaseBytes),
  };
}
