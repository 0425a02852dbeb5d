import type { Children } from "../children.ts";
import type { DialectName } from "../load/dialects/all.ts";

/** A server that is measured like Parley. */
export interface Peer {
  readonly name: string;
  readonly dialect: DialectName;
  /** To be asked after `install`. */
  version(): string;
  /**
   * Brings what is missing into a folder of the bench's own, under `bench/results/peers`; quick
   * when it is there. Throws `Unavailable` where this machine cannot have it.
   */
  install(children: Children): Promise<void>;
  /** On the server's core, on loopback alone; resolves when it takes connections. */
  start(children: Children): Promise<RunningPeer>;
}

export interface RunningPeer {
  readonly port: number;
  /** Its processes, without those that they started themselves. */
  readonly pids: readonly number[];
  /** Ends all of them. */
  stop(): Promise<void>;
}

/** Why a peer is left out, for people to read. */
export class Unavailable extends Error {}
