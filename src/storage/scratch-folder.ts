import { existsSync, lstatSync, mkdirSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { FilesFolder } from "../attachments/files-folder.ts";
import type { Log } from "../log.ts";
import { hasCode } from "./file-operations.ts";
import { unavailable } from "./sqlite-errors.ts";
import { type DatabaseLock, lockName, tryLock } from "./sqlite-lock.ts";

const NAME = /^parley-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Within a folder: its lock is held as long as the process lives that made it. */
const OWNER = "owner";

/** A folder of files that do not outlive the process, among others' in `parent`. */
export class ScratchFolder implements FilesFolder {
  readonly path: string;
  #lock: DatabaseLock | null = null;

  /** @param id a UUID that no other folder has */
  constructor(parent: string, id: string) {
    this.path = join(parent, `parley-${id}`);
  }

  make(): void {
    if (this.#lock !== null) return;
    try {
      mkdirSync(this.path, { recursive: true, mode: 0o700 });
      this.#lock = tryLock(join(this.path, OWNER));
    } catch (fault) {
      throw unavailable("the folder of files cannot be made", fault);
    }
    // Whoever starts meanwhile may have found it before it was locked, and taken it away.
    if (this.#lock !== null && existsSync(lockName(join(this.path, OWNER)))) return;
    this.#lock?.release();
    this.#lock = null;
    throw unavailable("the folder of files was taken away while it was made");
  }

  secret(made: string): string {
    return made;
  }

  /** It has gone, with all that is in it. */
  close(): void {
    if (this.#lock !== null) removeLocked(this.path, this.#lock);
    this.#lock = null;
  }
}

/** Nobody can take it for stale, or for their own, before it has gone. */
function removeLocked(folder: string, lock: DatabaseLock): void {
  // Which removes no file that is open.
  if (process.platform === "win32") lock.release();
  try {
    rmSync(folder, { recursive: true, force: true });
  } finally {
    lock.release();
  }
}

/**
 * Removes from `parent` the scratch folders of this user's whose process has ended without removing
 * them. What cannot be removed is told in the log.
 */
export function removeStaleFolders(parent: string, log: Log): void {
  try {
    for (const name of readdirSync(parent)) {
      if (NAME.test(name)) removeIfStale(join(parent, name), log);
    }
  } catch (err) {
    log.warn({ err }, "Folders that servers have left behind are not looked for");
  }
}

function removeIfStale(folder: string, log: Log): void {
  try {
    const stat = lstatSync(folder, { throwIfNoEntry: false });
    // In a folder that all may write to, another user's is not to be believed.
    if (!stat?.isDirectory() || stat.uid !== (process.getuid?.() ?? stat.uid)) return;
    if (!existsSync(lockName(join(folder, OWNER)))) {
      // It ended before there was a lock, or has yet to make it.
      rmdirSync(folder);
      return;
    }
    const lock = tryLock(join(folder, OWNER));
    if (lock === null) return;
    removeLocked(folder, lock);
    log.info({ folder }, "A folder that a server had left behind was removed");
  } catch (err) {
    // Others start and end as well.
    if (hasCode(err, "ENOENT")) return;
    log.warn({ err, folder }, "A folder that a server has left behind is not removed");
  }
}
