#!/usr/bin/env bun
import { readFileSync } from "node:fs";
import { childProcesses } from "./cli/child-processes.ts";
import { exemptLoopback } from "./cli/direct-loopback.ts";
import { takeParentLink } from "./cli/parent-link.ts";
import { runCli } from "./cli.ts";
import { systemClock } from "./clock.ts";
import { writeStderr, writeStdout } from "./log.ts";

Object.assign(process.env, exemptLoopback(process.env));
const exitCode = await runCli({
  argv: process.argv.slice(2),
  env: process.env,
  cwd: process.cwd(),
  readFile: readIfThere,
  stdout: writeStdout,
  stderr: writeStderr,
  isTerminal: process.stdout.isTTY === true,
  isErrorTerminal: process.stderr.isTTY === true,
  clock: systemClock,
  process,
  parent: takeParentLink(process.env),
  children: childProcesses,
  // Late, so that the other commands do not load the server.
  startServer: async (options) => (await import("./server.ts")).startServer(options),
  database: {
    backUp: async (task) => (await import("./stores.ts")).backUpDatabase(task),
    restore: async (task) => (await import("./stores.ts")).restoreDatabase(task),
    migrate: async (task) => (await import("./stores.ts")).migrateDatabase(task),
  },
});
process.exit(exitCode);

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
