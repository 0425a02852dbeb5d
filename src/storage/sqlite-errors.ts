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

/** `message` tells what failed in Parley's words; what the engine says goes into the cause. */
export function unavailable(message: string, cause?: unknown): AppError {
  return new AppError("STORAGE_UNAVAILABLE", message, { cause });
}

/** Why a database could not be opened: INVALID_CONFIGURATION if trying again is of no use. */
export function openingError(path: string, fault: unknown): AppError {
  if (fault instanceof AppError) return fault;
  const message = `the database ${path} cannot be opened`;
  return fault instanceof SQLiteError && WRONG_PATH.test(fault.code ?? "")
    ? new AppError("INVALID_CONFIGURATION", `${message} (${fault.code})`, { cause: fault })
    : unavailable(message, fault);
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
