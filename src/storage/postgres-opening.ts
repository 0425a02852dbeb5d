import { AppError } from "../errors.ts";
import type { PostgresDatabase, Query } from "./postgres-database.ts";
import { transactionPooled } from "./postgres-errors.ts";
import { forgetMarks } from "./postgres-marks.ts";
import { POSTGRES_MIGRATIONS } from "./postgres-migrations.ts";
import type { PostgresTarget } from "./postgres-url.ts";

/** `pg_current_xact_id` and `pg_xact_status` are there from then on. */
const OLDEST_VERSION = 130_000;
/** Of a step, with the waiting for other nodes that do it: as long as that takes. */
export const UNLIMITED_MS = 24 * 60 * 60 * 1_000;
/** Of locks that say which schema is being brought up to date. */
const LOCK = 0x7061726c;

export interface PostgresOpening {
  /** Of the server, as it says it. */
  readonly version: string;
  readonly schemaBefore: number;
  readonly schema: number;
  /** Sentences on what the server does not keep, although it can be used. */
  readonly warnings: readonly string[];
}

interface ServerRow {
  readonly version: string;
  readonly number: string;
  readonly encoding: string;
  readonly fsync: string;
  readonly fullPages: string;
}

/**
 * Brings the schema to the newest version, one node at a time; each step is done wholly or not at
 * all. Rejects with AppError INVALID_CONFIGURATION where the server cannot keep what Parley does, and
 * where a newer Parley made the schema, which is left as it is.
 */
export async function openPostgres(
  db: PostgresDatabase,
  target: PostgresTarget,
  migrations: readonly string[] = POSTGRES_MIGRATIONS,
): Promise<PostgresOpening> {
  const [server] = await db.read<ServerRow>(`
    SELECT current_setting('server_version') AS version,
           current_setting('server_version_num') AS number,
           current_setting('server_encoding') AS encoding,
           current_setting('fsync') AS fsync,
           current_setting('full_page_writes') AS "fullPages"`);
  if (server === undefined) throw new AppError("STORAGE_UNAVAILABLE", "the server says nothing");
  const { version, encoding } = server;
  if (Number(server.number) < OLDEST_VERSION) {
    throw wrong(target, `is of PostgreSQL ${version}: it must be 13 or later`);
  }
  const ignored = await settingsIgnored(db);
  if (ignored.includes("search_path")) {
    throw wrong(
      target,
      `is not searched in the schema ${target.schema}: a connection pooler keeps the setting back; give it to the account (ALTER ROLE … SET search_path = ${target.schema})`,
    );
  }
  if (encoding !== "UTF8") throw wrong(target, `has the encoding ${encoding}: it must be UTF8`);
  let schemaBefore: number | undefined;
  for (;;) {
    const before = await db.repeat((query) => step(query, target, migrations), UNLIMITED_MS);
    schemaBefore ??= before;
    if (before === migrations.length) break;
  }
  if (migrations === POSTGRES_MIGRATIONS) await db.write(forgetMarks);
  const warnings = [
    ...(ignored.length === 0 ? [] : [`a connection pooler keeps back ${ignored.join(", ")}`]),
    ...(server.fsync === "on" ? [] : ["fsync is off: a crash of its machine may damage it"]),
    ...(server.fullPages === "on" ? [] : ["full_page_writes is off: a crash may damage it"]),
  ];
  return { version, schemaBefore, schema: migrations.length, warnings };
}

/** Of what sessions ask for at their beginning: a pooler in between may ignore it. */
async function settingsIgnored(db: PostgresDatabase): Promise<string[]> {
  const { application_name: _, ...wanted } = db.parameters;
  const rows = await db.read<{ name: string; setting: string }>(`
    SELECT name, setting FROM pg_settings
    WHERE name IN (${Object.keys(wanted)
      .map((name) => `'${name}'`)
      .join(", ")})`);
  return rows.flatMap(({ name, setting }) => (wanted[name] === setting ? [] : [name]));
}

/**
 * Rejects with AppError INVALID_CONFIGURATION where others are given the session of `pid`, which has
 * locks, as soon as it has nothing under way.
 */
export async function expectOwnSession(
  db: PostgresDatabase,
  target: PostgresTarget,
  pid: number,
): Promise<void> {
  const [other] = await db.read<{ pid: number }>("SELECT pg_backend_pid() AS pid");
  if (other?.pid === pid) throw transactionPooled(target.name);
}

/** One step, where there is one to be done; resolves with the version before it. */
async function step(
  query: Query,
  target: PostgresTarget,
  migrations: readonly string[],
): Promise<number> {
  const { schema, name } = target;
  // Other nodes wait here for as long as a step takes them.
  await query("SET LOCAL statement_timeout = 0");
  await query("SET LOCAL lock_timeout = 0");
  await lockSchema(query, target);
  // Who may not make schemas may be given one.
  const [there] = await query("SELECT 1 AS one FROM pg_namespace WHERE nspname = $1", [schema]);
  if (there === undefined) await query(`CREATE SCHEMA "${schema}"`);
  await query("CREATE TABLE IF NOT EXISTS schema_version (version integer NOT NULL)");
  const [row] = await query<{ version: number }>("SELECT version FROM schema_version");
  const version = row?.version ?? 0;
  if (version === migrations.length) return version;
  const sql = migrations[version];
  if (sql === undefined) {
    throw new AppError(
      "INVALID_CONFIGURATION",
      `the database ${name} was written by a newer Parley (schema ${version}; this one knows up to ${migrations.length}): start that version again, or restore a backup made before it`,
    );
  }
  await query(sql);
  if (version === 0) await query("INSERT INTO schema_version (version) VALUES (1)");
  else await query("UPDATE schema_version SET version = $1::integer", [version + 1]);
  return version;
}

/** Nobody else opens the schema until the transaction ends. */
export async function lockSchema(query: Query, { schema }: PostgresTarget): Promise<void> {
  await query("SELECT pg_advisory_xact_lock($1::integer, hashtext($2::text))", [LOCK, schema]);
}

/**
 * Rejects with AppError INVALID_CONFIGURATION where the schema, which must be of the newest version, is
 * being filled by `move`, and that is not finished.
 */
export async function expectMoved(db: PostgresDatabase, target: PostgresTarget): Promise<void> {
  const [unfinished] = await db.read("SELECT 1 AS one FROM move WHERE finished_ms IS NULL");
  if (unfinished === undefined) return;
  throw wrong(
    target,
    "is being filled by parley migrate, which has not finished: run that again until it has, or drop the schema to begin anew",
  );
}

function wrong({ name }: PostgresTarget, what: string): AppError {
  return new AppError("INVALID_CONFIGURATION", `the database ${name} ${what}`);
}
