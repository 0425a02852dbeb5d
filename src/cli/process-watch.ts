import type { ProcessLog } from "../log.ts";
import { EXIT, type ProcessPort } from "./context.ts";

const SIGNAL_EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

export interface ProcessWatch {
  /** Resolves with the reason at the first signal or fault, or with that of `end`. */
  readonly ended: Promise<string>;
  readonly end: (reason: string) => void;
  readonly failed: () => boolean;
  /** The server says that it cannot go on. */
  readonly fail: (error: unknown) => void;
  /** From now on a fault is a reason to stop, not to leave at once. */
  readonly ready: () => void;
  readonly close: () => void;
}

/**
 * Sees to signals and to faults that nobody caught. The second signal ends the process at once.
 *
 * @param leaving comes before the process is ended at once
 */
export function watchProcess(
  process: ProcessPort,
  log: ProcessLog,
  leaving: () => void = () => {},
): ProcessWatch {
  const ending = Promise.withResolvers<string>();
  let signalled = false;
  let failed = false;
  let ready = false;

  const leave = (exitCode: number) => {
    leaving();
    process.exit(exitCode);
  };
  const onSignal = (signal: keyof typeof SIGNAL_EXIT_CODES) => {
    if (signalled) leave(SIGNAL_EXIT_CODES[signal]);
    signalled = true;
    ending.resolve(signal);
  };
  const onFault = (error: unknown) => {
    if (failed) return; // What falls after the first fault is its consequence.
    failed = true;
    log.fatal({ error }, "Parley stops after a fault of its own");
    if (!ready) leave(EXIT.refused);
    ending.resolve("fault");
  };
  const listeners = [
    ["SIGTERM", () => onSignal("SIGTERM")],
    ["SIGINT", () => onSignal("SIGINT")],
    ["uncaughtException", onFault],
    ["unhandledRejection", onFault],
  ] as const;
  for (const [event, listener] of listeners) process.on(event, listener);

  return {
    ended: ending.promise,
    end: (reason) => ending.resolve(reason),
    failed: () => failed,
    fail(error) {
      failed = true;
      log.fatal({ error }, "Parley cannot go on");
      ending.resolve("fault");
    },
    ready: () => {
      ready = true;
    },
    close: () => {
      for (const [event, listener] of listeners) process.off(event, listener);
    },
  };
}
