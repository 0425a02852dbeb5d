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
  /** Whether stderr is one. */
  readonly isErrorTerminal: boolean;
  readonly clock: Clock;
  readonly process: ProcessPort;
  readonly startServer: StartServer;
  readonly database: DatabasePort;
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
  /** Where plain HTTP is redirected from; undefined where it is not. */
  readonly redirectUrl: string | undefined;
  /** Resolves with the reason for which the server cannot go on, and is to be stopped. */
  readonly failed: Promise<Error>;
  /** Resolves when connections, store and listener are closed. */
  stop(reason: string): Promise<void>;
}

export interface DatabaseTask {
  readonly settings: Settings;
  /** The backup's absolute path. */
  readonly file: string;
  readonly clock: Clock;
}

/** What is done with a database outside the server. All reject with an AppError that says why. */
export interface DatabasePort {
  /** Whether it is served or not. The file is complete when it resolves, and as it was otherwise. */
  backUp(task: DatabaseTask & { readonly overwrite: boolean }): Promise<DatabaseContents>;
  /** Only while it is not served. The database is what the file holds, or as it was. */
  restore(task: DatabaseTask): Promise<DatabaseContents & RestoredDatabase>;
  /**
   * Only while neither is served. All that the first database holds is in the second one when it
   * resolves, and has been compared; before that, the same task goes on where it ended.
   */
  migrate(task: MigrationTask): Promise<MigratedDatabase>;
}

export interface MigrationTask {
  readonly settings: Settings;
  /** The absolute path of a database of SQLite. */
  readonly path: string;
  /** Of a database of PostgreSQL, and where it was given. */
  readonly url: string;
  readonly urlName: string;
  readonly clock: Clock;
  readonly onProgress: (progress: MigrationProgress) => void;
}

/** What is under way; `done` of `total` counts rows, or indexes, with those of earlier runs. */
export interface MigrationProgress {
  readonly phase: "reading" | "moving" | "indexing" | "checking";
  /** The table, the index or the file. */
  readonly what: string;
  readonly done: number;
  readonly total: number;
}

export interface MigratedDatabase {
  /** The second one's URL without the password. */
  readonly target: string;
  /** What both of them hold; `checksum` is of the contents. */
  readonly tables: readonly {
    readonly table: string;
    readonly rows: number;
    readonly checksum: string;
  }[];
}

export interface DatabaseContents {
  readonly bytes: number;
  readonly conversations: number;
  readonly messages: number;
  readonly tookMs: number;
  /** Sentences on what it lacks, although it can be served. */
  readonly warnings: readonly string[];
}

export interface RestoredDatabase {
  readonly path: string;
  /** Where the former database is now; `null`: there was none. */
  readonly keptAs: string | null;
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
