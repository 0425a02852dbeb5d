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

/** Why a database could not be opened: INVALID_CONFIGURATION if trying again is of no use. */
export function openingError(path: string, fault: unknown): AppError {
  if (fault instanceof AppError) return fault;
  const message = `the database ${path} cannot be opened`;
  return fault instanceof SQLiteError && WRONG_PATH.test(fault.code ?? "")
    ? new AppError("INVALID_CONFIGURATION", `${message} (${fault.code})`, { cause: fault })
    : unavailable(message, fault);
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
