import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Log } from "../log.ts";
import { type FileOperations, removeDatabase } from "./file-operations.ts";
import { lockName, tryLock } from "./sqlite-lock.ts";
import { partialName } from "./sqlite-replacement.ts";

const BACKUP_PARTIAL = ".backup-partial";

/** The name of a backup that is being made, and locked for that time. */
export function backupPartialName(file: string): string {
  return `${file}${BACKUP_PARTIAL}`;
}

/**
 * Removes what interrupted restores and backups left beside the database, and nothing of a backup
 * that another process is making now. Needs the database's lock. What cannot be removed is logged.
 */
export function removeLeftovers(files: FileOperations, path: string, log: Log | undefined): void {
  try {
    removeDatabase(files, partialName(path));
    const folder = dirname(path);
    for (const name of readdirSync(folder)) {
      const file = name.slice(0, name.lastIndexOf(BACKUP_PARTIAL));
      if (name !== lockName(backupPartialName(file))) continue;
      removeAbandoned(files, join(folder, backupPartialName(file)));
    }
  } catch (fault) {
    log?.warn({ err: fault }, "what an interrupted backup or restore left could not be removed");
  }
}

function removeAbandoned(files: FileOperations, partial: string): void {
  const lock = tryLock(partial);
  if (lock === null) return;
  removeDatabase(files, partial);
  files.remove(lockName(partial));
  lock.release();
}
