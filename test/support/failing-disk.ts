/**
 * A command line whose program meets real I/O errors when its files may not grow: it gets the error
 * EFBIG of a write rather than a signal.
 */
export function withoutFileSizeSignal(command: readonly string[]): string[] {
  return ["sh", "-c", 'trap "" XFSZ; exec "$@"', "sh", ...command];
}

/** Every write to a file fails in the process, or none any more. Linux, for a process of one's own. */
export function setDiskFailing(pid: number, isFailing: boolean): void {
  // The hard limit stays as it is: who lowers it may not raise it again.
  const limit = isFailing ? "1:" : "unlimited:";
  const { success, stderr } = Bun.spawnSync(["prlimit", "--pid", `${pid}`, `--fsize=${limit}`], {
    stderr: "pipe",
  });
  if (!success) throw new Error(`prlimit failed: ${stderr.toString()}`);
}

/** The system has what it takes. */
export const canFailDisks = process.platform === "linux" && Bun.which("prlimit") !== null;
