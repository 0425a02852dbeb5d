import { SQL } from "bun";
import { AppError } from "../errors.ts";

/**
 * What PostgreSQL, or the way to it, said. It has no more of the error than this: details name what is
 * in the rows, which is for no log.
 */
export class PostgresFault extends Error {
  override readonly name = "PostgresFault";

  constructor(
    /** The SQLSTATE that the server sent, `23505`; else why it sent none. */
    readonly state: string | NoState,
    message: string,
  ) {
    super(message);
  }
}

/**
 * A session that was there is over; one that is there says nothing; none can be had; none can be had of
 * a server that takes writes.
 */
type NoState = "closed" | "silent" | "unreachable" | "read-only";

/** The server ends, or has just begun: sessions are refused or cut, and statements with them. */
const ENDING = /^(closed|silent|unreachable|read-only|57P0[1-5]|08...)$/;
/**
 * What the first statement is told that is sent over a session which had ended before, or whose server
 * has come to follow another one since.
 */
const ENDED = /^(closed|57P0[125]|25006)$/;
/** Of a statement; of a session that begins as those of Parley do. */
const READ_ONLY = /^(25006|25001|read-only)$/;
/** Nothing was written, since two transactions stood in each other's way; again, they may not. */
const CROSSED = /^40(001|P01)$/;
/** Trying again helps as little as with another name of a file: it is what was configured. */
const WRONG_CONFIGURATION = /^(28...|3D000|3F000|42501)$/;
/** The account may not make the schema, or may not use the one that is there, which it is not shown. */
const MAY_NOT = /^(3F000|42501)$/;

export function faultOf(thrown: unknown): unknown {
  if (!(thrown instanceof SQL.PostgresError)) return thrown;
  const { code, errno, message } = thrown;
  if (errno !== undefined) return new PostgresFault(errno, `${errno}: ${message}`);
  const isClosed = code === "ERR_POSTGRES_CONNECTION_CLOSED";
  return new PostgresFault(isClosed ? "closed" : "unreachable", `${message} (${code})`);
}

/** The session is over, or was never there. What it had not committed is not there either. */
export function isConnectionLost(fault: unknown): boolean {
  return fault instanceof PostgresFault && ENDING.test(fault.state);
}

/** It may be the connection's fault alone, of which there are several: another one may do. */
export function isSessionEnded(fault: unknown): boolean {
  return fault instanceof PostgresFault && ENDED.test(fault.state);
}

export function isSilent(fault: unknown): boolean {
  return fault instanceof PostgresFault && fault.state === "silent";
}

export function isUnreachable(fault: unknown): boolean {
  return fault instanceof PostgresFault && fault.state === "unreachable";
}

export function isCrossed(fault: unknown): boolean {
  return fault instanceof PostgresFault && CROSSED.test(fault.state);
}

export function isUniqueViolation(fault: unknown): fault is PostgresFault {
  return fault instanceof PostgresFault && fault.state === "23505";
}

/** The statement was not looked at, since one before it in its transaction failed. */
export function isOfAborted(fault: unknown): boolean {
  return fault instanceof PostgresFault && fault.state === "25P02";
}

/** The server takes no writes: most often it follows another one. */
export function isReadOnly(fault: unknown): boolean {
  return fault instanceof PostgresFault && READ_ONLY.test(fault.state);
}

/** `message` tells what failed in Parley's words; what the engine says goes into the cause. */
export function postgresUnavailable(message: string, cause?: unknown): AppError {
  if (cause instanceof AppError) return cause;
  return new AppError("STORAGE_UNAVAILABLE", `${message}${reasonOf(cause)}`, { cause });
}

/** Of a statement that another session prepared, or none. */
const PREPARED_ELSEWHERE = /^(42P05|26000)$/;
/** Of PgBouncer, which has the code for almost all that it says. */
const REFUSED_PARAMETER = /unsupported startup parameter/;

export function transactionPooled(name: string, cause?: unknown): AppError {
  return new AppError(
    "INVALID_CONFIGURATION",
    `the database ${name} is behind a connection pooler that gives a session to others between transactions, and with it the locks and the prepared statements of this server: let it pool sessions (of PgBouncer: pool_mode = session), or connect to PostgreSQL itself`,
    { cause },
  );
}

/** Why a database cannot be opened, and what an operator can do about it. */
const NOT_OPENED: readonly {
  readonly isMeant: (fault: PostgresFault) => boolean;
  readonly code: "STORAGE_UNAVAILABLE" | "INVALID_CONFIGURATION";
  readonly reason: string;
  readonly remedy: string;
}[] = [
  {
    isMeant: isAway,
    code: "STORAGE_UNAVAILABLE",
    reason: "PostgreSQL cannot be reached",
    remedy: "see that it runs, and that its host and port are right and open to this machine",
  },
  {
    isMeant: isReadOnly,
    code: "STORAGE_UNAVAILABLE",
    reason: "no server of it takes writes",
    remedy: "promote one, or name the one that does",
  },
  {
    isMeant: ({ state }) => state === "53300",
    code: "STORAGE_UNAVAILABLE",
    reason: "PostgreSQL takes no more connections",
    remedy:
      "have it take database.connections of each node, and one more (max_connections, or the account's own limit), or lower that setting",
  },
  {
    isMeant: ({ message }) => REFUSED_PARAMETER.test(message),
    code: "INVALID_CONFIGURATION",
    reason: "a connection pooler refuses a setting of sessions",
    remedy:
      "connect to PostgreSQL itself, or have it ignore them (of PgBouncer: ignore_startup_parameters) and give them to the account",
  },
  {
    isMeant: ({ state }) => MAY_NOT.test(state),
    code: "INVALID_CONFIGURATION",
    reason: "its account may not make the schema, or does not own the one that is there",
    remedy: "make it one (CREATE SCHEMA … AUTHORIZATION …)",
  },
];

/** Why a database could not be opened; `name` is its URL without the password. */
export function postgresOpeningError(name: string, fault: unknown): AppError {
  if (fault instanceof AppError) return fault;
  const message = `the database ${name} cannot be opened`;
  if (!(fault instanceof PostgresFault)) {
    return new AppError("STORAGE_UNAVAILABLE", message, { cause: fault });
  }
  const known = NOT_OPENED.find(({ isMeant }) => isMeant(fault));
  if (known !== undefined) {
    const { code, reason, remedy } = known;
    const said = `${message}, since ${reason} (${fault.message}): ${remedy}`;
    return new AppError(code, said, { cause: fault });
  }
  if (PREPARED_ELSEWHERE.test(fault.state)) return transactionPooled(name, fault);
  const isWrong = WRONG_CONFIGURATION.test(fault.state);
  const code = isWrong ? "INVALID_CONFIGURATION" : "STORAGE_UNAVAILABLE";
  return new AppError(code, `${message}: ${fault.message}`, { cause: fault });
}

/** It has said nothing at all. */
function isAway({ state }: PostgresFault): boolean {
  return state === "closed" || state === "silent" || state === "unreachable";
}

/** Of what an operator can do something about. */
function reasonOf(fault: unknown): string {
  if (!(fault instanceof PostgresFault)) return "";
  if (isAway(fault)) return ": PostgreSQL cannot be reached";
  if (isReadOnly(fault)) return ": no PostgreSQL takes writes";
  switch (fault.state) {
    case "57014":
      return ": PostgreSQL took longer than it may";
    case "55P03":
      return ": PostgreSQL waited too long for a lock";
    case "53100":
      return ": PostgreSQL has no room left on its disk";
    case "53300":
      return ": PostgreSQL takes no more connections";
    default:
      return ENDING.test(fault.state) ? ": PostgreSQL is ending or starting" : "";
  }
}
