/**
 * A command that becomes what follows it, deaf to SIGXFSZ: beyond its limit a write then fails with
 * EFBIG, which to SQLite is an I/O error like that of a broken disk.
 */
export const BEARS_FILE_LIMITS = ["sh", "-c", 'trap "" XFSZ; exec "$0" "$@"'];

/** No file of the process may grow, or be written, beyond so many bytes; null is no limit. */
export function limitFiles(pid: number, bytes: number | null): void {
  const limit = `--fsize=${bytes ?? "unlimited"}:unlimited`;
  const { success, stderr } = Bun.spawnSync(["prlimit", "--pid", String(pid), limit], {
    stderr: "pipe",
  });
  if (!success) throw new Error(`prlimit: ${stderr.toString().trim()}`);
}
