import { type ParleyProcess, startParley } from "./parley-process.ts";

/** A server of several processes on a database of PostgreSQL. */
export function startProcesses(
  databaseUrl: string,
  processes: number,
  flags: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<ParleyProcess> {
  return startParley({
    flags: [`--processes=${processes}`, ...flags],
    env: { PARLEY_DATABASE_URL: databaseUrl, ...env },
  });
}

/** Of all processes that have been ready, the parent aside, in the order of that. */
export function pidsOf(server: ParleyProcess): number[] {
  const ready = /"pid":(\d+),"msg":"A process of the server is ready"/g;
  return [...server.log().matchAll(ready)].map(([, pid]) => Number(pid));
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Rejects when it takes too long. */
export async function untilTrue(isReached: () => boolean): Promise<void> {
  const late = AbortSignal.timeout(30_000);
  while (!isReached()) {
    if (late.aborted) throw new Error("waited in vain");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
