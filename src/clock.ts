/** Time, passed in: the system's in the server, a fake one in tests. */
export interface Clock {
  /**
   * Milliseconds since the Unix epoch: for timestamps and expiries. It may jump, forwards and back,
   * when the machine's clock is set.
   */
  now(): number;
  /** Milliseconds since some moment, never fewer than before: for everything that takes time. */
  monotonicMs(): number;
  /** Runs `task` once, `delayMs` from now, unless cancelled. */
  schedule(delayMs: number, task: () => void): Timer;
}

export interface Timer {
  /** Idempotent; a timer that has fired may be cancelled too. */
  cancel(): void;
}

export const systemClock: Clock = {
  now: Date.now,
  monotonicMs: () => performance.now(),
  schedule(delayMs, task) {
    const timer = setTimeout(task, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

/** ISO 8601 UTC with milliseconds, the form of every timestamp on the wire. */
export const isoTime = remembering((epochMs) => new Date(epochMs).toISOString());

/** Many events have the same time: the last answer is remembered. */
function remembering(format: (epochMs: number) => string): (epochMs: number) => string {
  let lastMs = Number.NaN;
  let text = "";
  return (epochMs) => {
    if (epochMs !== lastMs) {
      text = format(epochMs);
      lastMs = epochMs;
    }
    return text;
  };
}
