import { Database } from "bun:sqlite";
import { AppError } from "../errors.ts";
import { statIfThere } from "./file-operations.ts";
import { damaged, openingError } from "./sqlite-errors.ts";
import { type ChatInspection, inspectChats, type Mended, mendChats } from "./sqlite-invariants.ts";
import { migrate } from "./sqlite-migrations.ts";
import { TEMPORARY_IN_MEMORY } from "./sqlite-reader.ts";
import { damageOf } from "./sqlite-soundness.ts";

/** When an opening verifies; `auto`: after an unclean stop, and when it costs next to nothing. */
export type Check = "auto" | "always" | "never";

export interface OpeningOptions {
  readonly path: string;
  /** How long the connection waits for a lock that another program holds. */
  readonly busyTimeoutMs: number;
  readonly check: Check;
}

/** What an opening found and did. */
export interface OpeningReport {
  readonly isNew: boolean;
  /** The last connection did not come to empty its log into the database: it was killed, as a rule. */
  readonly isAfterCrash: boolean;
  /** Of committed transactions that were in the log alone. */
  readonly recoveredBytes: number;
  /** `null`: nothing was verified. */
  readonly verification: Verification | null;
}

export interface Verification {
  readonly inspection: ChatInspection;
  /** `null`: there was nothing to mend. */
  readonly mended: Mended | null;
  readonly tookMs: number;
}

/** A database of this size is verified in some tenths of a second. */
const SMALL_BYTES = 32 * 1024 * 1024;
const FRAME_HEADER_BYTES = 24;

/**
 * The one connection that writes: the log of a crash is recovered, the schema brought up to date,
 * and the database verified where `check` says so. Throws AppError: DATABASE_DAMAGED when it is
 * broken, at every attempt; INVALID_CONFIGURATION when the path holds none or a newer Parley's.
 */
export function openDatabase({ path, busyTimeoutMs, check }: OpeningOptions): {
  readonly db: Database;
  readonly report: OpeningReport;
} {
  const bytes = statIfThere(path)?.size ?? 0;
  const isAfterCrash = (statIfThere(`${path}-wal`)?.size ?? 0) > 0;
  // SQLite would delete the log and begin anew.
  if (bytes === 0 && isAfterCrash) throw damaged(path, "its log is there, and itself is not");
  const isSmall = bytes <= SMALL_BYTES;
  const isDue = check === "always" || (check === "auto" && (isAfterCrash || isSmall));
  let db: Database | undefined;
  try {
    db = new Database(path, { create: true, readwrite: true });
    configure(db, busyTimeoutMs);
    const recoveredBytes = isAfterCrash ? committedLogBytes(db) : 0;
    const isNew = bytes === 0;
    const verification = openSound(db, path, isDue && !isNew);
    return { db, report: { isNew, isAfterCrash, recoveredBytes, verification } };
  } catch (fault) {
    if (db !== undefined) closeKeepingLog(db, path);
    throw openingError(path, fault);
  }
}

/**
 * The last connection that closes empties the log into the database, unless it only reads. With the
 * log still there, the next start verifies again, rather than serve what this one refused.
 */
function closeKeepingLog(db: Database, path: string): void {
  let reader: Database | undefined;
  try {
    reader = new Database(path, { readonly: true });
    reader.query("PRAGMA user_version").get();
  } catch {
    // What cannot even be read is refused by every start.
  }
  db.close();
  reader?.close();
}

function openSound(db: Database, path: string, isDue: boolean): Verification | null {
  const startMs = performance.now();
  const damage = isDue ? damageOf(db, "quick") : null;
  if (damage !== null) throw damaged(path, damage);
  migrate(db);
  if (!isDue) return null;
  const inspection = inspectChats(db);
  const isFaulty = inspection.lagging + inspection.misplacedWatermarks > 0;
  const mended = isFaulty ? mendChats(db) : null;
  return { inspection, mended, tookMs: performance.now() - startMs };
}

function configure(db: Database, busyTimeoutMs: number): void {
  db.run(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
  expectWal(db);
  db.run("PRAGMA synchronous = FULL");
  db.run(TEMPORARY_IN_MEMORY);
  db.run("PRAGMA foreign_keys = ON");
  // After a burst, the log is cut back to this size at the next checkpoint.
  db.run(`PRAGMA journal_size_limit = ${64 * 1024 * 1024}`);
  db.run("PRAGMA cache_size = -16384");
  // 16 MB: clients' message ids are random, so that busy batches touch many pages of their index.
  db.run("PRAGMA wal_autocheckpoint = 4000");
}

function expectWal(db: Database): void {
  const row = db.query<{ journal_mode: string }, []>("PRAGMA journal_mode = WAL").get();
  if (row?.journal_mode === "wal") return;
  throw new AppError(
    "INVALID_CONFIGURATION",
    "the database cannot use a write-ahead log: its folder must be on a local disk",
  );
}

/** The log's file is longer, where a former generation of frames or an unfinished one follows. */
function committedLogBytes(db: Database): number {
  const page = db.query<{ page_size: number }, []>("PRAGMA page_size").get();
  const checkpoint = db.query<{ log: number }, []>("PRAGMA wal_checkpoint(NOOP)").get();
  if (page === null || checkpoint === null) return 0;
  return Math.max(0, checkpoint.log) * (page.page_size + FRAME_HEADER_BYTES);
}
