import { join } from "node:path";
import type { Children } from "../children.ts";
import type { LiveMemory } from "./memory-probe.ts";
import { type ServerProcess, startParley } from "./server-process.ts";

const PROBE = join(import.meta.dir, "memory-probe.ts");

export interface WatchedServer extends ServerProcess {
  /** Has the server collect all garbage, for which it stands still some tens of milliseconds. */
  liveMemory(): Promise<LiveMemory>;
}

/** Parley's binary, as `startServer` starts it, with a probe in it. */
export async function startWatchedServer(
  children: Children,
  env: Readonly<Record<string, string>>,
): Promise<WatchedServer> {
  let answer: ((live: LiveMemory) => void) | null = null;
  const server = await startParley(children, {
    // Quoted as a whole: the path may hold spaces.
    env: { ...env, BUN_OPTIONS: `"--preload=${PROBE}"` },
    onResult: (result) => {
      if (isLiveMemory(result)) answer?.(result);
    },
  });
  return {
    ...server,
    liveMemory() {
      const { promise, resolve } = Promise.withResolvers<LiveMemory>();
      answer = resolve;
      server.ask("live memory");
      return promise;
    },
  };
}

function isLiveMemory(result: unknown): result is LiveMemory {
  return typeof result === "object" && result !== null && "heap" in result && "native" in result;
}
