import { join } from "node:path";
import type { Children } from "../children.ts";
import {
  type LoadWork,
  noPeerFaults,
  type PeerJob,
  type PeerLoad,
  type PeerOutcome,
  type PeerWork,
  peerOutcomeSchema,
} from "../load/dialects/work.ts";
import { runScenario } from "../load/run.ts";
import { pinnedTo, ROOT } from "../machine.ts";
import { CHAT_IN_FLIGHT } from "../ratios.ts";
import { polling } from "./own.ts";
import type { Peer, RunningPeer } from "./peer.ts";

const CLIENT = join(ROOT, "bench/load/dialects/client.ts");

const CROWD = { connections: 4_000, warmUpConnections: 1_000 };
const QUICK_CROWD = { connections: 1_000, warmUpConnections: 500 };

/** What is done to a peer, one client process after the other. */
export function worksOf(peer: Peer, quick: boolean): readonly PeerWork[] {
  const times = quick ? { warmUpSeconds: 1, seconds: 1 } : { warmUpSeconds: 3, seconds: 3 };
  const all: PeerWork[] = [
    // First: what other work leaves behind in memory is not a connection's.
    { work: "idle", ...(quick ? QUICK_CROWD : CROWD) },
    { work: "fan-out", receivers: 100, windows: [64, 1], ...times },
    { work: "fan-out", receivers: 1_000, windows: [64], ...times },
    { work: "one-to-one", receivers: 1_000, windows: [CHAT_IN_FLIGHT], ...times },
  ];
  return all.filter(({ work }) => work === "one-to-one" || peer !== polling);
}

/** One client process against a server that runs. */
export async function measure(
  peer: Peer,
  { port, pids }: RunningPeer,
  work: PeerWork,
  children: Children,
): Promise<PeerOutcome> {
  const job: PeerJob = { dialect: peer.dialect, port, serverPids: [...pids], work };
  let result: unknown;
  const command = [...pinnedTo("client"), process.execPath, CLIENT, JSON.stringify(job)];
  await children.run(command, {
    onResult: (message) => {
      result = message;
    },
  });
  return peerOutcomeSchema.parse(result);
}

/**
 * 1:1 for Parley is the whole contract: membership, `seq`, storage, SENT and DELIVERED; a message
 * is complete when all of it has come. A server of its own, as in the ratios.
 */
export async function measureParleyChat(
  { receivers, windows, warmUpSeconds, seconds }: LoadWork,
  children: Children,
): Promise<PeerOutcome> {
  const measurements: PeerLoad[] = [];
  const faults = noPeerFaults();
  for (const inFlight of windows) {
    const result = await runScenario(
      {
        ...{ scenario: "chat-loop", pairs: receivers / 2, inFlight, hasConfirmations: true },
        ...{ warmUpSeconds, seconds },
      },
      children,
    );
    for (const kind of ["lost", "doubled", "disordered", "disconnected"] as const)
      faults[kind] += result.faults[kind];
    for (const load of result.measurements) {
      if (load.kind !== "load") continue;
      const { messages, deliveries, serverCpuSeconds, serverRssBytes, clientCpuSeconds } = load;
      const delivered = load.latencies.find(({ name }) => name === "send → DELIVERED");
      measurements.push({
        ...{ kind: "load", work: "one-to-one", receivers, inFlight, seconds: load.seconds },
        ...{ messages, deliveries, serverCpuSeconds, serverRssBytes, clientCpuSeconds },
        p50Ms: delivered?.p50Ms ?? Number.NaN,
        p99Ms: delivered?.p99Ms ?? Number.NaN,
      });
    }
  }
  return { measurements, faults };
}
