import { GATHER_MS } from "../../src/nodes/presence-sender.ts";
import type { Usage } from "../nodes/samples.ts";
import type { Units, Workload } from "./assumptions.ts";
import type { Costs, MessageCost } from "./costs.ts";
import { NO_USAGE, sum, times } from "./usages.ts";

/** In a second of the busiest time, of all nodes, Redis and PostgreSQL. */
export interface Needs {
  readonly messagesPerSecond: number;
  readonly visitsPerSecond: number;
  readonly nodes: number;
  readonly direct: Usage;
  readonly groups: Usage;
  /** READ, as of 1:1 messages. */
  readonly readings: Usage;
  /** With what it takes to tell nodes of the users of others. */
  readonly visits: Usage;
  /** Connections that do nothing, and nodes that hear of each other. */
  readonly idle: Usage;
  readonly total: Usage;
  /** Of `total`, what Redis does for the one channel that all nodes hear. */
  readonly toAllNodes: Usage;
  /** Messages that Redis gives to nodes. */
  readonly redisDeliveries: number;
  readonly bytesOfNode: number;
  readonly redisBytes: number;
  readonly databaseBytesPerDay: number;
  readonly databaseConnections: number;
}

const DAY_SECONDS = 86_400;

/** Members are connected anywhere. Throws for a size of groups that was not measured. */
export function needsOf(costs: Costs, load: Workload): Needs {
  const { users, peakFactor, mix } = load;
  const messagesPerSecond = (users * load.messagesPerUserDay * peakFactor) / DAY_SECONDS;
  const visitsPerSecond = (users * load.visitsPerUserDay * peakFactor) / DAY_SECONDS;
  const nodes = Math.max(1, Math.ceil(users / load.usersPerNode));
  const kinds = mix.map(({ members, share }) => ({
    cost: costOfSize(costs, members),
    perSecond: messagesPerSecond * share,
  }));
  const ofKinds = (isMeant: (members: number) => boolean) =>
    sum(
      NO_USAGE,
      ...kinds
        .filter(({ cost }) => isMeant(cost.members))
        .map(({ cost, perSecond }) => times(messageOn(nodes, cost), perSecond)),
    );
  const direct = ofKinds((members) => members === 2);
  const groups = ofKinds((members) => members !== 2);
  const readings = times(
    messageOn(nodes, costs.reading),
    messagesPerSecond * load.readingsPerMessage,
  );
  const changesHeard = changesToldPerSecond(visitsPerSecond, nodes) * (nodes - 1);
  const beatsHeard = nodes * (nodes - 1);
  const presence = times(costs.heardChange, changesHeard);
  const beats = times(costs.heardBeat, beatsHeard);
  const visits = sum(times(costs.visit, visitsPerSecond), presence);
  const idle = sum(times(costs.connection, users), times(costs.node, nodes), beats);
  const total = sum(direct, groups, readings, visits, idle);
  const own = users / nodes;
  return {
    ...{ messagesPerSecond, visitsPerSecond, nodes, direct, groups, readings, visits, idle, total },
    toAllNodes: sum(presence, beats),
    redisDeliveries: total.publishes + changesHeard + beatsHeard,
    bytesOfNode:
      costs.nodeBytes + own * costs.connectionBytes + (users - own) * costs.othersUserBytes,
    redisBytes: users * costs.channelBytes,
    databaseBytesPerDay: users * load.messagesPerUserDay * costs.databaseBytes,
    databaseConnections: nodes * costs.databaseConnections,
  };
}

/** On so many nodes are the members of a conversation, in the mean, that are put anywhere. */
export function nodesOfMembers(members: number, nodes: number): number {
  return nodes * (1 - (1 - 1 / nodes) ** members);
}

/** Bytes a second on the wires of one node, in the direction that has more of them. */
export function nodeWireBytes({ nodes, total, visitsPerSecond, ...rest }: Needs, units: Units) {
  const { packetBytes, ackBytes, handshakeBytes } = units;
  const handshakes = visitsPerSecond * handshakeBytes;
  const out =
    total.bytesToUsers +
    total.framesToUsers * packetBytes +
    total.framesFromUsers * ackBytes +
    total.redisBytesIn +
    total.publishes * packetBytes;
  const into =
    total.bytesFromUsers +
    total.framesFromUsers * packetBytes +
    total.framesToUsers * ackBytes +
    total.redisBytesOut +
    rest.redisDeliveries * packetBytes;
  return (Math.max(out, into) + handshakes) / nodes;
}

/** The same of Redis. */
export function redisWireBytes({ total, redisDeliveries }: Needs, { packetBytes }: Units): number {
  return Math.max(
    total.redisBytesIn + total.publishes * packetBytes,
    total.redisBytesOut + redisDeliveries * packetBytes,
  );
}

/** A node tells of a change, and with it of all within the next moment. Each visit is two of them. */
function changesToldPerSecond(visitsPerSecond: number, nodes: number): number {
  const ofNode = (2 * visitsPerSecond) / nodes;
  return nodes * (ofNode / (1 + (ofNode * GATHER_MS) / 1_000));
}

function costOfSize({ messages }: Costs, members: number): MessageCost {
  const found = messages.find((each) => each.members === members);
  if (found !== undefined) return found;
  const sizes = messages.map((each) => each.members).join(", ");
  throw new RangeError(`Conversations of ${members} were not measured, but those of ${sizes}`);
}

function messageOn(nodes: number, { members, here, elsewhere, nowhere }: MessageCost): Usage {
  const reached = nodesOfMembers(members, nodes);
  return sum(here, times(elsewhere, reached - 1), times(nowhere, nodes - reached));
}
