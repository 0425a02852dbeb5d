import { Database } from "bun:sqlite";
import { closeSync, openSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import { appendChecksum } from "./backup-checksum.ts";
import {
  type FileOperations,
  giveRightsOf,
  hasCode,
  isLinkUnsupported,
  isSameFile,
  removeDatabase,
  statIfThere,
} from "./file-operations.ts";
import { contentsOf, type DatabaseContents } from "./sqlite-contents.ts";
import { openingError, writingError } from "./sqlite-errors.ts";
import { backupPartialName } from "./sqlite-leftovers.ts";
import { lockName, tryLock } from "./sqlite-lock.ts";
import { isReplacementPending } from "./sqlite-replacement.ts";

export interface BackupOptions {
  /** Of the database, which may be served meanwhile. */
  readonly path: string;
  /** Where the backup goes. */
  readonly file: string;
  /** Whether a file that is there is replaced. */
  readonly overwrite: boolean;
  readonly files: FileOperations;
  readonly clock: Clock;
}

export interface BackupReport extends DatabaseContents {
  readonly file: string;
  readonly bytes: number;
  readonly tookMs: number;
}

/**
 * Copies the database as it is at one moment, with all that was committed before the call, into one
 * file, which is checked, ends with a checksum and is on disk on return. It blocks its thread, and no writer; the log grows
 * meanwhile. Whatever happens, `file` is not there, or as it was, or complete.
 *
 * Throws AppError: INVALID_CONFIGURATION when one of the paths is wrong or `file` is there;
 * DATABASE_DAMAGED when the database is; STORAGE_UNAVAILABLE when the disk is full or fails.
 */
export function backUp(options: BackupOptions): BackupReport {
  const path = resolve(options.path);
  const file = resolve(options.file);
  try {
    expectSource(path);
    expectTarget(file, path, options.overwrite);
    return make({ ...options, path, file });
  } catch (fault) {
    throw writingError(file, fault);
  }
}

function make({ path, file, overwrite, files, clock }: BackupOptions): BackupReport {
  const startMs = clock.monotonicMs();
  const partial = backupPartialName(file);
  const lock = tryLock(partial);
  if (lock === null) throw refused(`another backup to ${file} is under way`);
  try {
    removeDatabase(files, partial);
    snapshot(path, partial);
    const contents = contentsOf(partial, `the backup of ${path}`);
    appendChecksum(partial);
    files.sync(partial);
    const bytes = statIfThere(partial)?.size ?? 0;
    publish(files, partial, file, overwrite);
    return { ...contents, file, bytes, tookMs: Math.round(clock.monotonicMs() - startMs) };
  } finally {
    removeDatabase(files, partial);
    files.remove(lockName(partial));
    lock.release();
  }
}

function expectSource(path: string): void {
  if (isReplacementPending(path)) {
    throw refused(`a restore of ${path} was interrupted: start the server, which finishes it`);
  }
  if (statIfThere(path)?.isFile() !== true) throw refused(`there is no database at ${path}`);
}

function expectTarget(file: string, path: string, overwrite: boolean): void {
  const own = [path, `${path}-wal`, `${path}-shm`, `${path}-journal`, lockName(path)];
  if (own.includes(file) || isSameFile(file, path)) {
    throw refused(`${file} belongs to the database itself: name another file`);
  }
  if (statIfThere(dirname(file))?.isDirectory() !== true) {
    throw refused(`there is no folder ${dirname(file)}`);
  }
  const there = statIfThere(file);
  if (there !== undefined && !there.isFile()) throw refused(`${file} is not a file`);
  if (there !== undefined && !overwrite) {
    throw refused(`${file} is there already: name another file, or say --force`);
  }
  for (const companion of [`${file}-wal`, `${file}-journal`]) {
    if (statIfThere(companion) === undefined) continue;
    throw refused(`${companion} would be taken for a part of the backup: remove it first`);
  }
}

function snapshot(path: string, partial: string): void {
  // Made beforehand, so that others never may read more of the backup than of the database.
  closeSync(openSync(partial, "wx", 0o600));
  const source = statIfThere(path);
  if (source !== undefined) giveRightsOf(source, partial);
  using db = openSource(path);
  db.query<null, [string]>("VACUUM INTO ?").run(partial);
}

function openSource(path: string): Database {
  try {
    const db = new Database(path, { readonly: true });
    // Of a log that a crash has left, the reader's first moment is its recovery.
    db.run("PRAGMA busy_timeout = 5000");
    db.query("PRAGMA schema_version").get();
    return db;
  } catch (fault) {
    throw openingError(path, fault);
  }
}

/** A link is refused where a file has come to be meanwhile; a rename would replace it. */
function publish(files: FileOperations, partial: string, file: string, overwrite: boolean): void {
  if (overwrite) files.rename(partial, file);
  else {
    try {
      files.link(partial, file);
    } catch (fault) {
      if (hasCode(fault, "EEXIST")) throw refused(`${basename(file)} has come to be meanwhile`);
      if (!isLinkUnsupported(fault)) throw fault;
      files.rename(partial, file);
    }
  }
  files.syncFolder(dirname(file));
}

function refused(message: string): AppError {
  return new AppError("INVALID_CONFIGURATION", message);
}
