import { existsSync, readdirSync } from "node:fs";
import { basename, dirname } from "node:path";
import { COMPANIONS, type FileOperations, isLinkUnsupported } from "./file-operations.ts";

/**
 * A database's replacement by another one, so that whenever the process or the machine ends, the
 * next one who holds the database's lock and calls `finishReplacement` finds either of them whole:
 *
 * 1. The new database is made as `{path}.restore-partial`, and synced.
 * 2. It is renamed to `{path}.restore-ready-{stamp}`: from then on it is the database.
 * 3. `finishReplacement` gives the former one the name `{path}.before-restore-{stamp}`, its log
 *    with it, since a log beside a database that it does not belong to would destroy it.
 * 4. Last of all it puts the new one in place.
 */
export function partialName(path: string): string {
  return `${path}.restore-partial`;
}

const READY = ".restore-ready-";
const KEPT = ".before-restore-";

/** Decides for the new database, which is complete under its partial name. Needs the lock. */
export function decideReplacement(files: FileOperations, path: string, nowMs: number): void {
  const partial = partialName(path);
  files.sync(partial);
  files.rename(partial, `${path}${READY}${freeStamp(path, nowMs)}`);
  files.syncFolder(dirname(path));
}

/** Whether a decision waits for its execution. */
export function isReplacementPending(path: string): boolean {
  return readyStamp(path) !== undefined;
}

export interface Replacement {
  /** Where the former database is now; `null`: there was none. */
  readonly keptAs: string | null;
}

/** Does what is left to do of a decided replacement; `null` without a decision. Needs the lock. */
export function finishReplacement(files: FileOperations, path: string): Replacement | null {
  const stamp = readyStamp(path);
  if (stamp === undefined) return null;
  const kept = `${path}${KEPT}${stamp}`;
  if (existsSync(path) && !existsSync(kept)) keep(files, path, kept);
  for (const suffix of COMPANIONS) {
    if (!existsSync(path + suffix)) continue;
    if (suffix === "-shm") files.remove(path + suffix);
    else files.rename(path + suffix, kept + suffix);
  }
  files.syncFolder(dirname(path));
  files.rename(`${path}${READY}${stamp}`, path);
  files.syncFolder(dirname(path));
  return { keptAs: existsSync(kept) ? kept : null };
}

/** A second name at first, so that there is a database at `path` at every moment. */
function keep(files: FileOperations, path: string, kept: string): void {
  try {
    files.link(path, kept);
  } catch (fault) {
    if (!isLinkUnsupported(fault)) throw fault;
    const copy = partialName(path);
    files.copy(path, copy);
    files.sync(copy);
    files.rename(copy, kept);
  }
}

function readyStamp(path: string): string | undefined {
  const folder = dirname(path);
  if (!existsSync(folder)) return undefined;
  const prefix = `${basename(path)}${READY}`;
  return readdirSync(folder)
    .find((name) => name.startsWith(prefix))
    ?.slice(prefix.length);
}

/** `20260102T120000.000Z`, or the next one that names no database kept before. */
function freeStamp(path: string, nowMs: number): string {
  const stamp = new Date(nowMs).toISOString().replaceAll(/[-:]/g, "");
  const kept = `${path}${KEPT}${stamp}`;
  return existsSync(kept) ? freeStamp(path, nowMs + 1) : stamp;
}
