import { readFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { resolve } from "node:path";

export const ROOT = resolve(import.meta.dir, "..");

/** Where and of what the figures are. */
export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly kernel: string;
  readonly bun: string;
  readonly commit: string;
  readonly date: string;
  /** TCP's congestion control; some pace their packets on loopback too. */
  readonly tcp: string;
  /** What other programs used of all cores just before the run. */
  readonly busyShare: number;
}

export async function thisMachine(): Promise<Machine> {
  return {
    cores: cpus().length,
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    kernel: `Linux ${release()}`,
    bun: Bun.version,
    commit: commit(),
    date: new Date().toISOString(),
    tcp: readFileSync("/proc/sys/net/ipv4/tcp_congestion_control", "latin1").trim(),
    busyShare: await busyShare(1_000),
  };
}

/** A prefix that keeps a command to one core; none where there is no choice. */
export function pinnedTo(which: "server" | "client"): string[] {
  const allowed = allowedCores();
  const core = which === "server" ? allowed[0] : allowed[1];
  if (allowed.length < 2 || core === undefined || Bun.which("taskset") === null) return [];
  return ["taskset", "-c", String(core)];
}

/** A process that runs already, with its threads and children; what it starts later stays there too. */
export function pin(pid: number, which: "server" | "client"): void {
  const [taskset, , core] = pinnedTo(which);
  if (taskset === undefined || core === undefined) return;
  for (const each of [pid, ...childrenOf(pid)]) {
    Bun.spawnSync([taskset, "-a", "-c", "-p", core, String(each)]);
  }
}

/** Of the process's first thread, without their own. */
export function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1");
  return text.split(" ").filter(Boolean).map(Number);
}

/** The file system that holds the folder, as the kernel calls it: `ext4`, `tmpfs`. */
export function fileSystemOf(folder: string): string {
  let best = { mountPoint: "", type: "unknown" };
  for (const line of readFileSync("/proc/self/mounts", "utf8").split("\n")) {
    const [, mountPoint = "", type = ""] = line.split(" ");
    const holds = folder === mountPoint || folder.startsWith(mountPoint.replace(/\/?$/, "/"));
    if (holds && mountPoint.length >= best.mountPoint.length) best = { mountPoint, type };
  }
  return best.type;
}

/** Such as `0-1,4`. */
function allowedCores(): number[] {
  const status = readFileSync("/proc/self/status", "utf8");
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? "";
  return list.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, at) => first + at);
  });
}

async function busyShare(overMs: number): Promise<number> {
  const before = cpuTimes();
  await Bun.sleep(overMs);
  const after = cpuTimes();
  return (after.busy - before.busy) / (after.all - before.all);
}

function cpuTimes(): { busy: number; all: number } {
  let busy = 0;
  let idle = 0;
  for (const { times } of cpus()) {
    idle += times.idle;
    busy += times.user + times.nice + times.sys + times.irq;
  }
  return { busy, all: busy + idle };
}

function commit(): string {
  const head = git("rev-parse", "--short=12", "HEAD");
  if (head === null) return "unknown";
  const isChanged = git("status", "--porcelain", "--", "src", "bench", "package.json") !== "";
  return isChanged ? `${head} with uncommitted changes` : head;
}

function git(...args: string[]): string | null {
  if (Bun.which("git") === null) return null;
  const { success, stdout } = Bun.spawnSync(["git", ...args], { cwd: ROOT, stderr: "ignore" });
  return success ? stdout.toString().trim() : null;
}
