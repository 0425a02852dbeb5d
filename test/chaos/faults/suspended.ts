import { readdirSync, readFileSync } from "node:fs";

const LOOK_EVERY_MS = 1;
const PATIENCE_MS = 10_000;

/** Runs `task` while the process stands still: none of its threads runs, nor is in a system call. */
export async function whileSuspended<Value>(
  pid: number,
  task: () => Promise<Value>,
): Promise<Value> {
  process.kill(pid, "SIGSTOP");
  try {
    const lateMs = performance.now() + PATIENCE_MS;
    while (!isStopped(pid)) {
      if (performance.now() > lateMs) throw new Error(`process ${pid} does not stop`);
      await Bun.sleep(LOOK_EVERY_MS);
    }
    return await task();
  } finally {
    process.kill(pid, "SIGCONT");
  }
}

function isStopped(pid: number): boolean {
  return readdirSync(`/proc/${pid}/task`).every((thread) => {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith("T"); // Behind the name in parentheses.
  });
}
