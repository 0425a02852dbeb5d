/** Time, passed in: the system's in the server, a fake one in tests. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Runs `task` once, `delayMs` from now, unless cancelled. */
  schedule(delayMs: number, task: () => void): Timer;
}

export interface Timer {
  /** Idempotent; a timer that has fired may be cancelled too. */
  cancel(): void;
}

export const systemClock: Clock = {
  now: Date.now,
  schedule(delayMs, task) {
    const timer = setTimeout(task, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

/** ISO 8601 UTC with milliseconds, the form of every timestamp on the wire. */
export function isoTime(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
