/** Runs the task once after the delay; what it returns cancels it. Passed in, so that tests need not wait. */
export type Schedule = (delayMs: number, task: () => void) => () => void;

export const browserTimers: Schedule = (delayMs, task) => {
  const timer = setTimeout(task, delayMs);
  return () => clearTimeout(timer);
};

/** 0.5 s, 1 s, 2 s … 15 s, for failures in a row from the first on. */
export function backOffMs(failures: number): number {
  return Math.min(15_000, 500 * 2 ** Math.max(0, failures - 1));
}
