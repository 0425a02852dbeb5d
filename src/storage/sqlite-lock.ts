import { Database } from "bun:sqlite";
import { AppError } from "../errors.ts";
import { openingError } from "./sqlite-errors.ts";

/** The sole right to serve a database. */
export interface DatabaseLock {
  /** Idempotent. */
  release(): void;
}

/**
 * Takes the lock of the database at `path`, held in the empty file `{path}.lock` until it is
 * released or the process ends, however it ends. Throws AppError INVALID_CONFIGURATION when another
 * server holds it.
 *
 * Bun has no flock; an SQLite transaction that is never ended is one. (A process that opens and
 * closes the file by other means than SQLite would lose its own lock: that is POSIX.)
 */
export function lockDatabase(path: string): DatabaseLock {
  const lockPath = `${path}.lock`;
  const db = open(lockPath);
  try {
    db.run("BEGIN EXCLUSIVE");
  } catch (cause) {
    db.close();
    throw new AppError(
      "INVALID_CONFIGURATION",
      `another Parley serves the database ${path}: stop it, or set another data.dir`,
      { cause },
    );
  }
  // A connection that nothing refers to is closed by the garbage collector: the process refers to it.
  const release = () => {
    process.off("exit", release);
    db.close();
  };
  process.on("exit", release);
  return { release };
}

function open(lockPath: string): Database {
  try {
    return new Database(lockPath, { create: true, readwrite: true });
  } catch (fault) {
    throw openingError(lockPath, fault);
  }
}
