import { EventEmitter } from "node:events";
import {
  type CliContext,
  type DatabasePort,
  type ProcessPort,
  runCli,
  type StartServer,
} from "../../src/cli.ts";

/** Of tokens. */
export const SECRET = "0123456789abcdef0123456789abcdef";
/** The time that it is for all commands. */
export const NOW = Date.UTC(2026, 0, 2, 12, 0, 0);

interface Run {
  /** Resolves with the exit code. */
  readonly done: Promise<number>;
  /** Resolves when the log says so. */
  readonly ready: Promise<void>;
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly process: FakeProcess;
  /** Lets the time of everything scheduled come. */
  readonly timeIsUp: () => void;
}

class FakeProcess extends EventEmitter implements ProcessPort {
  readonly exits: number[] = [];
  exit(code: number): void {
    this.exits.push(code);
  }
}

/** Runs the command line, beside which there is nothing but what `options` give. */
export function run(argv: readonly string[], options: Partial<CliContext> = {}): Run {
  const out: string[] = [];
  const err: string[] = [];
  const scheduled = new Set<() => void>();
  const process = new FakeProcess();
  const ready = Promise.withResolvers<void>();
  const done = runCli({
    argv,
    env: {},
    cwd: "/srv",
    readFile: () => undefined,
    stdout: (text) => {
      out.push(text);
      if (text.includes("Parley is ready")) ready.resolve();
    },
    stderr: (text) => err.push(text),
    isTerminal: false,
    isErrorTerminal: false,
    clock: {
      now: () => NOW,
      monotonicMs: () => 0,
      schedule: (_, task) => {
        scheduled.add(task);
        return { cancel: () => scheduled.delete(task) };
      },
    },
    process,
    startServer: () => Promise.reject(new Error("no server was asked for")),
    database: fakeDatabase(() => Promise.reject(new Error("no database was asked for"))).database,
    parent: null,
    children: {
      makeFolder: () => "/run/parley",
      removeFolder() {},
      start: () => {
        throw new Error("no process was asked for");
      },
      openHub: async () => ({ close() {} }),
    },
    ...options,
  });
  return {
    done,
    ready: ready.promise,
    process,
    stdout: () => out.join(""),
    stderr: () => err.join(""),
    timeIsUp: () => {
      for (const task of scheduled) task();
    },
  };
}

/** A server that tells how it was started and stopped. */
export function fakeServer(
  stop: (reason: string) => Promise<void> = async () => {},
  failed = Promise.withResolvers<Error>(),
) {
  const starts: Parameters<StartServer>[0][] = [];
  const reasons: string[] = [];
  const startServer: StartServer = async (options) => {
    starts.push(options);
    return {
      url: "http://127.0.0.1:8080",
      tcpUrl: undefined,
      redirectUrl: undefined,
      ports: { web: 8080, tcp: null, redirect: null },
      failed: failed.promise,
      stop: (reason) => {
        reasons.push(reason);
        return stop(reason);
      },
    };
  };
  return { startServer, starts, reasons };
}

/** What a database is told to have. */
export type Contents = Awaited<ReturnType<DatabasePort["restore"]>>;
type BackupTask = Parameters<DatabasePort["backUp"]>[0];

/** Tells what it was asked for, and answers what `answer` does. */
export function fakeDatabase(answer: () => Promise<Contents>) {
  const backups: BackupTask[] = [];
  const restores: Parameters<DatabasePort["restore"]>[0][] = [];
  const database: DatabasePort = {
    backUp: (task) => {
      backups.push(task);
      return answer();
    },
    restore: (task) => {
      restores.push(task);
      return answer();
    },
    migrate: () => Promise.reject(new Error("no migration was asked for")),
  };
  return { database, backups, restores };
}

/** Of the log in JSON. */
export function logLines(text: string): { level: string; msg: string }[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}
