/** What is known of a node of the installation. */
export interface NodeInfo {
  readonly id: string;
  readonly version: string;
  readonly startedMs: number;
  /** As it said last. */
  readonly connections: number;
  /** Users with a connection to it, or within the grace after it. */
  readonly users: number;
  readonly isSelf: boolean;
  /** Of this node: that it reaches the others. Of another: that this node hears its beats. */
  readonly isConnected: boolean;
  /** As it said last: it does what one of those on its database does alone. */
  readonly isLeader: boolean;
  /** When it was heard last; of this node, now. */
  readonly heardMs: number;
  /** The settings that all nodes must have alike, and of which it has other values than this node. */
  readonly differs: readonly string[];
}

/** What a node says of itself in its beats. */
export interface SelfDescription {
  readonly version: string;
  readonly startedMs: number;
  readonly connections: () => number;
  readonly users: () => number;
  /** It does what one of those on its database does alone; it has a database for itself. */
  readonly isLeader: () => boolean;
  /** What all nodes must have alike: digests below 2^53 of the values, by the names of settings. */
  readonly settings: ReadonlyMap<string, number>;
}

/** The settings that both have, and not the same. */
export function differences(
  own: ReadonlyMap<string, number>,
  other: ReadonlyMap<string, number>,
): string[] {
  return [...own]
    .filter(([name, digest]) => (other.get(name) ?? digest) !== digest)
    .map(([name]) => name);
}
