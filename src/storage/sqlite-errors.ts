import { SQLiteError } from "bun:sqlite";
import { AppError, type ErrorCode } from "../errors.ts";

/** An error in a form that survives `postMessage`, which keeps neither classes nor causes. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  /** What the engine said, for the log. */
  readonly cause: string;
}

/** Result codes that say that the path, not the moment, is wrong. */
const WRONG_PATH = /^SQLITE_(CANTOPEN|NOTADB|READONLY|PERM|AUTH)/;

const ADVICE = "parley restore FILE puts a backup in its place";

/** `message` tells what failed in Parley's words; what the engine says goes into the cause. */
export function unavailable(message: string, cause?: unknown): AppError {
  return new AppError("STORAGE_UNAVAILABLE", message, { cause });
}

/** `finding` completes the sentence "the database is damaged: …". */
export function damaged(path: string, finding: string, cause?: unknown): AppError {
  return new AppError(
    "DATABASE_DAMAGED",
    `the database ${path} is damaged: ${finding}; ${ADVICE}, and keeps this one aside`,
    { cause },
  );
}

/**
 * Why a database could not be opened: DATABASE_DAMAGED if it is broken, INVALID_CONFIGURATION if the
 * path is wrong, which trying again does not help either.
 */
export function openingError(path: string, fault: unknown): AppError {
  if (fault instanceof AppError) return fault;
  const code = fault instanceof SQLiteError ? (fault.code ?? "") : "";
  if (code.startsWith("SQLITE_CORRUPT")) return damaged(path, code, fault);
  const message = `the database ${path} cannot be opened`;
  if (!WRONG_PATH.test(code)) return unavailable(message, fault);
  const advice = code === "SQLITE_NOTADB" ? `; if it was Parley's, ${ADVICE}` : "";
  return new AppError("INVALID_CONFIGURATION", `${message} (${code})${advice}`, { cause: fault });
}

/** Why a file could not be made from a database that can be opened. */
export function writingError(file: string, fault: unknown): AppError {
  if (fault instanceof AppError) return fault;
  const code = fault instanceof Error && "code" in fault ? String(fault.code) : "";
  if (code === "SQLITE_FULL" || code === "ENOSPC" || code === "EDQUOT") {
    return unavailable(`there is no room left for ${file}; nothing of it was kept`, fault);
  }
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(code)) {
    return new AppError("DATABASE_DAMAGED", `the database is damaged (${code})`, { cause: fault });
  }
  const why = code === "" ? "" : ` (${code})`;
  return unavailable(`${file} cannot be written${why}; nothing of it was kept`, fault);
}

export function toFailure({ code, message, cause }: AppError): Failure {
  if (cause instanceof SQLiteError) {
    return { code, message, cause: `${cause.code ?? "SQLite"}: ${cause.message}` };
  }
  return { code, message, cause: cause === undefined ? "" : String(cause) };
}

export function fromFailure({ code, message, cause }: Failure): AppError {
  return new AppError(code, message, cause === "" ? {} : { cause: new Error(cause) });
}
