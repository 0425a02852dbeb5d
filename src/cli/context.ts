import type { Clock } from "../clock.ts";
import type { Environment, ReadFile, Settings } from "../config.ts";
import type { Log } from "../log.ts";
import type { ListeningPorts, ProcessPlace } from "../process-place.ts";

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
  /** null: this process is the whole server, or the parent of those that are. */
  readonly parent: ParentLink | null;
  readonly children: ChildrenPort;
}

/** Rejects with an AppError when a setting is to blame. */
export type StartServer = (options: {
  readonly settings: Settings;
  readonly log: Log;
  readonly clock: Clock;
  /** null: it is the only process. */
  readonly place: ProcessPlace | null;
}) => Promise<RunningServer>;

/** Where a server is found. */
export interface ServerAddresses {
  readonly url: string;
  /** Where STOMP over TCP is spoken; undefined where it is not. */
  readonly tcpUrl: string | undefined;
  /** Where plain HTTP is redirected from; undefined where it is not. */
  readonly redirectUrl: string | undefined;
  readonly ports: ListeningPorts;
}

export interface RunningServer extends ServerAddresses {
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

/** What a process of several says to its parent, and hears from it. */
export interface ParentLink {
  readonly place: ProcessPlace;
  ready(addresses: ServerAddresses): void;
  /** The parent wants it to stop, or is gone. The listener may be called more than once. */
  onStop(listener: (reason: string) => void): void;
}

export interface ChildEvents {
  ready(addresses: ServerAddresses): void;
  /** Last of all. */
  ended(exit: { readonly exitCode: number | null; readonly signal: string | null }): void;
}

/** A process of the server. */
export interface Child {
  readonly pid: number;
  /** Asks it to stop in order. */
  stop(reason: string): void;
  /** SIGKILL. */
  kill(): void;
}

/** What the parent of several processes needs of the world. */
export interface ChildrenPort {
  /** A new folder for the processes' sockets that nobody else may enter. */
  makeFolder(): string;
  /** With all that is in it; no error when it is gone. */
  removeFolder(folder: string): void;
  /** Throws what the system throws when it cannot. */
  start(place: ProcessPlace, events: ChildEvents): Child;
  openHub(options: HubOptions): Promise<OpenHub>;
}

export interface HubOptions {
  readonly folder: string;
  readonly pendingBytes: number;
  readonly log: Log;
}

/** Where the processes exchange what they publish. */
export interface OpenHub {
  close(): void;
}
