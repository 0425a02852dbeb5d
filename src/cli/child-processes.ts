import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ChildrenPort } from "./context.ts";
import { environmentAt, type FromChild, type FromParent } from "./parent-link.ts";

/** Processes of this very program, with its own arguments and environment. */
export const childProcesses: ChildrenPort = {
  // For its owner alone: mkdtemp sees to it.
  makeFolder: () => mkdtempSync(join(tmpdir(), "parley-")),
  removeFolder: (folder) => rmSync(folder, { recursive: true, force: true }),
  start(place, { ready, ended }) {
    const program = Bun.isStandaloneExecutable ? [] : [...process.execArgv, Bun.main];
    const child = Bun.spawn([process.execPath, ...program, ...process.argv.slice(2)], {
      env: environmentAt(place, process.env),
      stdio: ["ignore", "inherit", "inherit"],
      serialization: "json",
      ipc: (message: FromChild) => ready(message.ready),
      onExit: (_, exitCode, signal) => {
        ended({ exitCode, signal: signal === null ? null : `${signal}` });
      },
    });
    return {
      pid: child.pid,
      stop(reason) {
        const message: FromParent = { stop: reason };
        try {
          child.send(message);
        } catch {
          child.kill("SIGTERM"); // It has closed its side: on the way out, or about to be.
        }
      },
      kill: () => child.kill("SIGKILL"),
    };
  },
  openHub: async ({ folder, pendingBytes, log }) =>
    (await import("../backplanes.ts")).openHub(folder, pendingBytes, log),
};
