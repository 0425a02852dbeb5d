import { readFileSync } from "node:fs";

/** What is left of the file descriptors is for HTTP requests, the store and the log. */
const SHARE = 0.9;

/**
 * How many connections there may be by `limits.connections`: past the file descriptors that the system
 * allows it could not even refuse one more.
 */
export function connectionLimit(setting: number): number {
  if (setting > 0) return setting;
  const descriptors = openFilesLimit();
  return descriptors === null ? Number.POSITIVE_INFINITY : Math.floor(SHARE * descriptors);
}

/** null where the system does not say; of its systems only Linux does. */
function openFilesLimit(): number | null {
  let limits: string;
  try {
    limits = readFileSync("/proc/self/limits", "utf8");
  } catch {
    return null;
  }
  const soft = /^Max open files +(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? null : Number(soft);
}
