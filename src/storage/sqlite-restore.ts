import { Database, SQLiteError } from "bun:sqlite";
import { closeSync, openSync, readSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import { removeChecksum, verifyChecksum } from "./backup-checksum.ts";
import {
  type FileOperations,
  giveOwnerOf,
  giveRightsOf,
  isSameFile,
  makeFolderOf,
  removeDatabase,
  statIfThere,
} from "./file-operations.ts";
import { brokenFile, contentsOf, type DatabaseContents } from "./sqlite-contents.ts";
import { openingError, writingError } from "./sqlite-errors.ts";
import { lockDatabase, lockName, tryLock } from "./sqlite-lock.ts";
import {
  decideReplacement,
  finishReplacement,
  partialName,
  type Replacement,
} from "./sqlite-replacement.ts";

export interface RestoreOptions {
  /** Of the database, which nobody may be serving. It and its folder may be missing. */
  readonly path: string;
  readonly file: string;
  readonly files: FileOperations;
  readonly clock: Clock;
}

export interface RestoreReport extends DatabaseContents, Replacement {
  readonly path: string;
  readonly bytes: number;
  readonly tookMs: number;
}

const MAGIC = "SQLite format 3\0";

/**
 * Puts what `file` holds in place of the database, which is kept aside, however broken it is. `file`
 * is copied first, and the copy is checked: nothing changes if it is not sound. A database of an
 * older Parley is migrated by the next start. Wherever the process ends, the next start finds the
 * former database or the new one, whole.
 *
 * Throws AppError: INVALID_CONFIGURATION when one of the paths is wrong, the database is in use, or
 * `file` is none of Parley's or a newer Parley's; DATABASE_DAMAGED when `file` is; and
 * STORAGE_UNAVAILABLE when the disk is full or fails.
 */
export function restore(options: RestoreOptions): RestoreReport {
  const path = resolve(options.path);
  const file = resolve(options.file);
  try {
    expectDatabaseFile(file);
    if (isSameFile(file, path)) throw refused(`${file} is the database itself`);
    makeFolderOf(path);
    return replace({ ...options, path, file });
  } catch (fault) {
    throw writingError(path, fault);
  }
}

function replace({ path, file, files, clock }: RestoreOptions): RestoreReport {
  const startMs = clock.monotonicMs();
  const lock = lockDatabase(path);
  try {
    finishReplacement(files, path);
    const contents = copyChecked(files, file, path);
    const bytes = statIfThere(partialName(path))?.size ?? 0;
    foldLog(path);
    decideReplacement(files, path, clock.now());
    const keptAs = finishReplacement(files, path)?.keptAs ?? null;
    return { ...contents, path, keptAs, bytes, tookMs: Math.round(clock.monotonicMs() - startMs) };
  } finally {
    removeDatabase(files, partialName(path));
    lock.release();
  }
}

/** Cheap, so that no film is copied first. */
function expectDatabaseFile(file: string): void {
  if (statIfThere(file)?.isFile() !== true) throw refused(`there is no file ${file}`);
  if (startOf(file) !== MAGIC) throw refused(`${file} is not a database of Parley`);
}

function startOf(file: string): string {
  const start = Buffer.alloc(MAGIC.length);
  const descriptor = openSync(file, "r");
  try {
    readSync(descriptor, start, 0, start.length, 0);
  } finally {
    closeSync(descriptor);
  }
  return start.toString("latin1");
}

/** With its log, if it has one: `file` may be a database that was kept aside. */
function copyChecked(files: FileOperations, file: string, path: string): DatabaseContents {
  const partial = partialName(path);
  const fileLock = statIfThere(lockName(file)) === undefined ? undefined : tryLock(file);
  if (fileLock === null) throw refused(`${file} is being served: make a backup of it instead`);
  try {
    removeDatabase(files, partial);
    files.copy(file, partial);
    for (const suffix of ["-wal", "-journal"]) {
      if (statIfThere(file + suffix) !== undefined) files.copy(file + suffix, partial + suffix);
    }
  } finally {
    fileLock?.release();
  }
  const model = statIfThere(path);
  const folder = statIfThere(dirname(path));
  const source = statIfThere(file);
  if (source !== undefined) giveRightsOf(model ?? source, partial);
  if (folder !== undefined) {
    giveOwnerOf(model ?? folder, partial);
    giveOwnerOf(model ?? folder, lockName(path));
  }
  if (verifyChecksum(partial) === "wrong") {
    throw brokenFile(file, "it is not what was backed up, by its checksum");
  }
  removeChecksum(partial);
  intoOneFile(partial, file);
  return contentsOf(partial, file);
}

function intoOneFile(partial: string, file: string): void {
  try {
    using db = new Database(partial, { readwrite: true });
    db.run("PRAGMA journal_mode = DELETE");
  } catch (fault) {
    throw openingError(file, fault);
  }
}

/**
 * Empties the former database's log into it, so that it is kept as one file, and makes sure that no
 * other program has it open: when such a one closes, it would take the new database's log away.
 * Where the former one is broken, it and its log are kept as they are.
 */
function foldLog(path: string): void {
  if (!isReadable(path)) return;
  try {
    using db = new Database(path, { readwrite: true });
    db.run("PRAGMA busy_timeout = 1000");
    db.run("PRAGMA journal_mode = DELETE");
  } catch (fault) {
    if (!(fault instanceof SQLiteError)) throw fault;
    if (fault.code?.startsWith("SQLITE_BUSY")) {
      throw refused(`another program has the database ${path} open: end it first`, fault);
    }
  }
}

/** Asked of a connection that only reads, since one that writes tidies away what it cannot use. */
function isReadable(path: string): boolean {
  if (statIfThere(path) === undefined) return false;
  try {
    using db = new Database(path, { readonly: true });
    db.query("SELECT count(*) FROM sqlite_schema").get();
    return true;
  } catch (fault) {
    if (fault instanceof SQLiteError) return false;
    throw fault;
  }
}

function refused(message: string, cause?: unknown): AppError {
  return new AppError("INVALID_CONFIGURATION", message, { cause });
}
