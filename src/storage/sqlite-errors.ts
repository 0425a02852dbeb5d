import { SQLiteError } from "bun:sqlite";
import { AppError, type ErrorCode } from "../errors.ts";

/** What the engine said, on the stores' thread. */
export class EngineError extends Error {
  override readonly name = "EngineError";

  constructor(
    /** SQLite's name of its result code, `SQLITE_FULL`; "" for a fault of another kind. */
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** An error in a form that survives `postMessage`, which keeps neither classes nor causes. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  /** SQLite's name of its result code, if the cause is the engine's. */
  readonly engineCode: string;
  /** What the engine said, for the log. */
  readonly cause: string;
}

/** Result codes that say that the path, not the moment, is wrong. */
const WRONG_PATH = /^SQLITE_(CANTOPEN|NOTADB|READONLY|PERM|AUTH)/;

const ADVICE = "parley restore FILE puts a backup in its place";

/** Result codes after which what a connection believes of its files may be wrong. */
const DOUBTFUL_CONNECTION = /^SQLITE_(IOERR|CORRUPT|NOTADB|CANTOPEN|READONLY|PROTOCOL)/;

/** The failure leaves a connection that should be opened anew rather than trusted. */
export function isDoubtful(failure: AppError): boolean {
  return DOUBTFUL_CONNECTION.test(engineCodeOf(failure));
}

/** The write was refused for what it held, not because the engine could not write. */
export function isConstraint(failure: AppError): boolean {
  return engineCodeOf(failure).startsWith("SQLITE_CONSTRAINT");
}

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

export function toFailure(error: AppError): Failure {
  const { code, message, cause } = error;
  const engineCode = engineCodeOf(error);
  if (cause instanceof SQLiteError) {
    return { code, message, engineCode, cause: `${engineCode || "SQLite"}: ${cause.message}` };
  }
  return { code, message, engineCode, cause: cause === undefined ? "" : String(cause) };
}

export function fromFailure({ code, message, engineCode, cause }: Failure): AppError {
  return new AppError(
    code,
    message,
    cause === "" ? {} : { cause: new EngineError(engineCode, cause) },
  );
}

function engineCodeOf({ cause }: AppError): string {
  return cause instanceof SQLiteError || cause instanceof EngineError ? (cause.code ?? "") : "";
}
