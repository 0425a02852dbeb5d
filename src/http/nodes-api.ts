import { isoTime } from "../clock.ts";
import type { NodeInfo } from "../nodes/node-info.ts";
import type { Endpoints } from "./endpoint.ts";
import type { HealthSource } from "./health.ts";
import { NODES } from "./schemas.ts";

export interface NodesApiOptions {
  /** Those that live, this one first. */
  readonly nodes: () => readonly NodeInfo[];
  readonly health: Pick<HealthSource, "backplane">;
}

/** Which nodes the installation has. */
export function nodesEndpoints(endpoints: Endpoints, { nodes, health }: NodesApiOptions): void {
  endpoints.add(
    {
      ...{ method: "get", path: "/api/nodes", by: "server", tag: "Back end" },
      operationId: "listNodes",
      summary: "The nodes that live, as the one knows that is asked",
      answers: { 200: { description: "This node is the first.", schema: NODES } },
    },
    ({ context }) => context.json({ backplane: health.backplane, nodes: nodes().map(nodeView) }),
  );
}

function nodeView({ id, version, startedMs, connections, users, ...rest }: NodeInfo) {
  const { isSelf, isConnected, isLeader, heardMs, differs } = rest;
  return {
    ...{ id, version, startedAt: isoTime(startedMs), connections, onlineUsers: users },
    ...{ isSelf, isConnected, isLeader, heardAt: isoTime(heardMs), differs },
  };
}
