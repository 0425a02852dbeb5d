import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import {
  fromTarget,
  insertion,
  keyOf,
  MENTIONS,
  MOVED_TABLES,
  type MovedRow,
  type MovedTable,
  type RowKey,
  targetPage,
  toTarget,
} from "./move-tables.ts";
import { PostgresDatabase, type Query } from "./postgres-database.ts";
import { isUniqueViolation, postgresOpeningError, postgresUnavailable } from "./postgres-errors.ts";
import { PostgresNodeSession } from "./postgres-node-session.ts";
import { expectOwnSession, lockSchema, openPostgres, UNLIMITED_MS } from "./postgres-opening.ts";
import { PostgresServers } from "./postgres-servers.ts";
import { toPostgresJson } from "./postgres-text.ts";
import type { PostgresTarget } from "./postgres-url.ts";

export interface MoveTargetOptions {
  readonly target: PostgresTarget;
  readonly clock: Clock;
  readonly statementTimeoutMs: number;
  readonly busyTimeoutMs: number;
}

/** How far a table has come. */
export interface Mark {
  /** The last row that is there; null: none is. */
  readonly after: RowKey | null;
  readonly rows: number;
}

/** Rows of a table that follow each other, as PostgreSQL takes them. */
export interface MoveBatch {
  readonly table: MovedTable;
  readonly rows: number;
  /** The key of the last one. */
  readonly after: RowKey;
  readonly json: string;
}

/** null: there are none. */
export function batchOf(table: MovedTable, rows: readonly MovedRow[]): MoveBatch | null {
  const last = rows.at(-1);
  if (last === undefined) return null;
  const json = toPostgresJson(rows.map((row) => toTarget(table, row)));
  return { table, rows: rows.length, after: keyOf(table, last), json };
}

const RECORD = {
  move: `SELECT source, finished_ms IS NOT NULL AS "isFinished" FROM move`,

  begin: "INSERT INTO move (source, begun_ms) VALUES ($1, $2::bigint)",

  beginTable: "INSERT INTO move_tables (name) VALUES ($1)",

  // Waits for what another process, which was killed, may still have under way.
  mark: `SELECT after, rows::float8 AS rows FROM move_tables WHERE name = $1 FOR UPDATE`,

  advance: "UPDATE move_tables SET after = $2::text, rows = $3::bigint WHERE name = $1",

  /** Which no constraint needs. */
  indexes: `
    SELECT indexname AS name, indexdef AS definition FROM pg_indexes
    WHERE schemaname = current_schema() AND NOT EXISTS (
      SELECT 1 FROM pg_constraint
      WHERE conindid = format('%I.%I', schemaname, indexname)::regclass
    )`,

  keepIndex: "INSERT INTO move_indexes (name, definition) VALUES ($1, $2)",

  missingIndexes: "SELECT name, definition FROM move_indexes ORDER BY name",

  forgetIndex: "DELETE FROM move_indexes WHERE name = $1",

  finish: "UPDATE move SET finished_ms = $1::bigint",
} as const;

/** Enough to sort the index of some million rows in memory. */
const INDEX_MEMORY = "256MB";

interface IndexRow {
  readonly name: string;
  readonly definition: string;
}

/**
 * A schema of PostgreSQL that is being filled with what an SQLite database holds. A record in it says
 * of which one, and how far that has come; while it is not finished no server starts with the schema,
 * and while it is open nobody else has it.
 */
export class MoveTarget {
  readonly #db: PostgresDatabase;
  readonly #clock: Clock;
  /** Which keeps others away. */
  readonly #session: PostgresNodeSession;
  /** While that was lost. */
  #takenBy: AppError | null = null;

  private constructor(
    /** The URL without the password. */
    readonly name: string,
    db: PostgresDatabase,
    session: PostgresNodeSession,
    clock: Clock,
  ) {
    this.#db = db;
    this.#session = session;
    this.#clock = clock;
  }

  /**
   * Makes the schema, where it is not there, and begins the record, or finds the one of the same
   * source. Rejects with AppError INVALID_CONFIGURATION where the schema holds anything else, is
   * served or is being filled, and as `openPostgresStorage` does.
   */
  static async open(options: MoveTargetOptions, source: string): Promise<MoveTarget> {
    const { target, clock } = options;
    const servers = new PostgresServers(target, clock);
    const db = new PostgresDatabase({
      ...{ servers, clock, connections: 4, applicationName: "parley migrate" },
      ...{ statementMs: options.statementTimeoutMs, lockMs: options.busyTimeoutMs },
    });
    let opened: MoveTarget | null = null;
    let session: PostgresNodeSession | null = null;
    try {
      session = await PostgresNodeSession.open({
        ...{ servers, clock, serving: "migrating" },
        onTaken: (error) => {
          if (opened !== null) opened.#takenBy = error;
        },
      });
      await expectOwnSession(db, target, session.pid);
      await openPostgres(db, target);
      await db.write((query) => begin(query, target, source, clock.now()));
      opened = new MoveTarget(target.name, db, session, clock);
      return opened;
    } catch (fault) {
      await Promise.all([session?.close(), db.close()]);
      throw postgresOpeningError(target.name, fault);
    }
  }

  mark({ name }: MovedTable): Promise<Mark> {
    return this.#write(async (query) => {
      const [row] = await query<{ after: string | null; rows: number }>(RECORD.mark, [name]);
      if (row === undefined) throw interfered();
      return { after: row.after === null ? null : JSON.parse(row.after), rows: row.rows };
    });
  }

  /**
   * Adds the batch, which follows the mark, and resolves with the next one: both are there, or neither
   * is. `meanwhile` is called while the database is busy with it. Rejects with AppError
   * STORAGE_UNAVAILABLE; with INVALID_CONFIGURATION where another process has added it.
   */
  async put(
    { table, after, rows, json }: MoveBatch,
    mark: Mark,
    meanwhile: () => void,
  ): Promise<Mark> {
    const next: Mark = { after, rows: mark.rows + rows };
    await this.#write(async (query) => {
      // A crash of the server may take the last of them, with their marks.
      const asked = Promise.all([
        query("SET LOCAL synchronous_commit = off"),
        query(RECORD.advance, [table.name, JSON.stringify(after), next.rows]),
        query(insertion(table), [json]),
      ]);
      // Each table has a key, by which nothing is there twice.
      const added = asked.catch((fault) => {
        throw isUniqueViolation(fault) ? interfered() : fault;
      });
      await Promise.all([added, Promise.resolve().then(meanwhile)]);
    });
    return next;
  }

  page(table: MovedTable, after: RowKey | null, limit: number): Promise<MovedRow[]> {
    const sql = targetPage(table, after === null);
    return this.#answered(async () => {
      const rows = await this.#db.read<MovedRow>(sql, [...(after ?? []), limit]);
      return rows.map((row) => fromTarget(table, row));
    });
  }

  /** Names of those that are yet to be built. */
  async missingIndexes(): Promise<readonly IndexRow[]> {
    return await this.#answered(() => this.#db.read<IndexRow>(RECORD.missingIndexes));
  }

  buildIndex({ name, definition }: IndexRow): Promise<void> {
    return this.#unlimited(async (query) => {
      await query(`SET LOCAL maintenance_work_mem = '${INDEX_MEMORY}'`);
      await query(definition);
      await query(RECORD.forgetIndex, [name]);
    });
  }

  /** New rows come behind those that are there, and the planner knows how many there are. */
  complete(): Promise<void> {
    return this.#unlimited(async (query) => {
      for (const { name } of MOVED_TABLES.filter((table) => table.isNumbered)) {
        await query(
          `SELECT setval(pg_get_serial_sequence('"${name}"', 'position'), max(position))
           FROM "${name}" HAVING max(position) IS NOT NULL`,
        );
      }
      for (const { name } of [...MOVED_TABLES, MENTIONS]) await query(`ANALYZE "${name}"`);
    });
  }

  /** From now on a server starts with it. */
  finish(): Promise<void> {
    return this.#write(async (query) => {
      await query(RECORD.finish, [this.#clock.now()]);
    });
  }

  async close(): Promise<void> {
    await this.#db.close();
    await this.#session.close();
  }

  #unlimited(work: (query: Query) => Promise<void>): Promise<void> {
    return this.#answered(() =>
      this.#db.repeat(async (query) => {
        await query("SET LOCAL statement_timeout = 0");
        await query("SET LOCAL lock_timeout = 0");
        await work(query);
      }, UNLIMITED_MS),
    );
  }

  #write<T>(work: (query: Query) => Promise<T>): Promise<T> {
    return this.#answered(() => this.#db.write(work));
  }

  async #answered<T>(ask: () => Promise<T>): Promise<T> {
    if (this.#takenBy !== null) throw this.#takenBy;
    try {
      return await ask();
    } catch (fault) {
      const message = `the database ${this.name} failed; the same command again goes on from there`;
      throw postgresUnavailable(message, fault);
    }
  }
}

/** While no server can open the schema. */
async function begin(
  query: Query,
  target: PostgresTarget,
  source: string,
  nowMs: number,
): Promise<void> {
  await lockSchema(query, target);
  const [record] = await query<{ source: string; isFinished: boolean }>(RECORD.move);
  if (record === undefined) await expectEmpty(query, target);
  else expectUnfinished(record, target, source);
  if (record !== undefined) return;
  await query(RECORD.begin, [source, nowMs]);
  for (const { name } of MOVED_TABLES) await query(RECORD.beginTable, [name]);
  // They are built at once, when all rows are there: that takes PostgreSQL a quarter less of its time.
  for (const { name, definition } of await query<IndexRow>(RECORD.indexes)) {
    await query(RECORD.keepIndex, [name, definition]);
    await query(`DROP INDEX "${name}"`);
  }
}

async function expectEmpty(query: Query, target: PostgresTarget): Promise<void> {
  for (const { name } of MOVED_TABLES) {
    const rows = await query(`SELECT 1 AS one FROM "${name}" LIMIT 1`);
    if (rows.length === 0) continue;
    throw refused(
      target,
      `holds something already (${name}): name another database, or another schema in it (?schema=NAME)`,
    );
  }
}

function expectUnfinished(
  { source, isFinished }: { readonly source: string; readonly isFinished: boolean },
  target: PostgresTarget,
  wanted: string,
): void {
  if (isFinished) {
    throw refused(target, "has been moved to already, and that is finished: start Parley with it");
  }
  if (source === wanted) return;
  throw refused(
    target,
    `is being filled from another database, or from this one before it was changed: to begin anew, drop its schema (DROP SCHEMA ${target.schema} CASCADE)`,
  );
}

function interfered(): AppError {
  return new AppError(
    "INVALID_CONFIGURATION",
    "another parley migrate is at work on the same database: let it finish",
  );
}

function refused({ name }: PostgresTarget, what: string): AppError {
  return new AppError("INVALID_CONFIGURATION", `the database ${name} ${what}`);
}
