import type { Clock } from "../clock.ts";
import type { Environment, ReadFile, Settings } from "../config.ts";
import type { Log } from "../log.ts";

export const EXIT = { ok: 0, refused: 1, usage: 2 } as const;

/** What a command may touch of the world. */
export interface CliContext {
  /** Without the interpreter and the script. */
  readonly argv: readonly string[];
  readonly env: Environment;
  readonly cwd: string;
  readonly readFile: ReadFile;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Whether stdout is a terminal. */
  readonly isTerminal: boolean;
  readonly clock: Clock;
  readonly process: ProcessPort;
  readonly startServer: StartServer;
}

/** Rejects with an AppError when a setting is to blame. */
export type StartServer = (options: {
  readonly settings: Settings;
  readonly log: Log;
  readonly clock: Clock;
}) => Promise<RunningServer>;

export interface RunningServer {
  readonly url: string;
  /** Where STOMP over TCP is spoken; undefined where it is not. */
  readonly tcpUrl: string | undefined;
  /** Resolves when connections, store and listener are closed. */
  stop(reason: string): Promise<void>;
}

export type ProcessEvent = "SIGTERM" | "SIGINT" | "uncaughtException" | "unhandledRejection";

/** The part of `process` that a server needs. */
export interface ProcessPort {
  on(event: ProcessEvent, listener: (cause: unknown) => void): unknown;
  off(event: ProcessEvent, listener: (cause: unknown) => void): unknown;
  exit(code: number): void;
}

/** The command line is not understood: exit code 2, and where to look. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
