/**
 * Which of the nodes on one database does the work that one alone is to do. At most one leads at a
 * time, and soon after one has gone another does. Who no longer leads may still be in the middle of
 * a step, so each step bears being done twice.
 */
export interface Leadership {
  /** This node leads. */
  readonly isLeader: boolean;
  /** Hears of each change, in the turn in which it comes. */
  onChange(listener: () => void): void;
}

/** Of a node that has its database for itself. */
export const ALWAYS_LEADER: Leadership = { isLeader: true, onChange() {} };
