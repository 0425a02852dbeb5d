import type { Children } from "../children.ts";
import type { PeerOutcome, PeerWork } from "../load/dialects/work.ts";
import { measure, measureParleyChat, worksOf } from "./measure.ts";
import { parley } from "./own.ts";
import { type Peer, type RunningPeer, Unavailable } from "./peer.ts";

export interface PeerResult extends PeerOutcome {
  readonly work: PeerWork;
}

/** One peer in one round. */
export interface PeerSample {
  readonly peer: string;
  readonly round: number;
  /** Null when it could not be had. */
  readonly version: string | null;
  /** Why it was left out; null when it was not. */
  readonly absence: string | null;
  readonly results: readonly PeerResult[];
  /** Work that could not be brought to its end, and why. */
  readonly failures: readonly string[];
}

/** Installs, starts, measures and stops one peer after the other. */
export async function runRound(
  peers: readonly Peer[],
  round: number,
  quick: boolean,
  children: Children,
): Promise<PeerSample[]> {
  const samples: PeerSample[] = [];
  for (const peer of peers) samples.push(await sampleOf(peer, round, quick, children));
  return samples;
}

async function sampleOf(
  peer: Peer,
  round: number,
  quick: boolean,
  children: Children,
): Promise<PeerSample> {
  const nothing = { peer: peer.name, round, results: [], failures: [] };
  let server: RunningPeer;
  try {
    console.log(`── ${peer.name}: installing and starting`);
    await peer.install(children);
    server = await peer.start(children);
  } catch (fault) {
    if (!(fault instanceof Unavailable)) throw fault;
    console.log(`── ${peer.name} is left out: ${fault.message}`);
    return { ...nothing, version: null, absence: fault.message };
  }
  const results: PeerResult[] = [];
  const failures: string[] = [];
  try {
    for (const work of worksOf(peer, quick)) {
      console.log(`── round ${round}, ${peer.name}: ${JSON.stringify(work)}`);
      try {
        results.push({ work, ...(await outcomeOf(peer, server, work, children)) });
      } catch (fault) {
        failures.push(`${work.work}: ${fault instanceof Error ? fault.message : String(fault)}`);
      }
    }
  } finally {
    await server.stop();
  }
  return { ...nothing, version: peer.version(), absence: null, results, failures };
}

function outcomeOf(
  peer: Peer,
  server: RunningPeer,
  work: PeerWork,
  children: Children,
): Promise<PeerOutcome> {
  const isChat = peer === parley && work.work === "one-to-one";
  return isChat ? measureParleyChat(work, children) : measure(peer, server, work, children);
}
