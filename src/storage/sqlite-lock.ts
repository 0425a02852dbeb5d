import { Database, SQLiteError } from "bun:sqlite";
import { AppError } from "../errors.ts";
import { openingError } from "./sqlite-errors.ts";

/** The sole right to serve a database, or to write a file. */
export interface DatabaseLock {
  /** Idempotent. */
  release(): void;
}

/**
 * Takes the lock of the database at `path`. Throws AppError INVALID_CONFIGURATION when another
 * server holds it.
 */
export function lockDatabase(path: string): DatabaseLock {
  const lock = tryLock(path);
  if (lock !== null) return lock;
  throw new AppError(
    "INVALID_CONFIGURATION",
    `another Parley serves the database ${path}: stop it, or set another data.dir`,
  );
}

/**
 * Takes the lock of the file at `path`, held in the empty file `{path}.lock` until it is released or
 * the process ends, however it ends; `null` when it is held. Throws AppError INVALID_CONFIGURATION
 * when that file cannot be made.
 *
 * Bun has no flock; an SQLite transaction that is never ended is one. (A process that opens and
 * closes the file by other means than SQLite would lose its own lock: that is POSIX.)
 */
export function tryLock(path: string): DatabaseLock | null {
  const db = open(lockName(path));
  try {
    db.run("BEGIN EXCLUSIVE");
  } catch (fault) {
    db.close();
    if (fault instanceof SQLiteError && fault.code?.startsWith("SQLITE_BUSY")) return null;
    throw openingError(lockName(path), fault);
  }
  // A connection that nothing refers to is closed by the garbage collector: the process refers to it.
  const release = () => {
    process.off("exit", release);
    db.close();
  };
  process.on("exit", release);
  return { release };
}

export function lockName(path: string): string {
  return `${path}.lock`;
}

function open(lockPath: string): Database {
  try {
    return new Database(lockPath, { create: true, readwrite: true });
  } catch (fault) {
    throw openingError(lockPath, fault);
  }
}
