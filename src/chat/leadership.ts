/**
 * Which of the nodes on one database does the work that one alone is to do. At most one leads at a
 * time, and soon after one has gone another does. Who no longer leads may still be in the middle of
 * a step, so each step bears being done twice.
 */
export interface Leadership {
  /**
   * From now on this node may lead: until then it does not, since it may yet be refused at its start.
   * Resolves when it does, or waits for its turn.
   */
  seek(): Promise<void>;
  /** This node leads. */
  readonly isLeader: boolean;
  /** Hears of each change, in the turn in which it comes. */
  onChange(listener: () => void): void;
}

/** Of a node that has its database for itself. */
export const ALWAYS_LEADER: Leadership = { isLeader: true, onChange() {}, async seek() {} };
