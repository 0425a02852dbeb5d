import { resolve } from "node:path";
import type { LoadedSettings } from "../config.ts";
import { type CliContext, EXIT, type MigratedDatabase, UsageError } from "./context.ts";
import { MigrationMeter } from "./migration-meter.ts";

export const MIGRATE_FLAGS = ["--from", "--to"] as const;

const SQLITE = "sqlite:";
const POSTGRES = /^postgres(ql)?:\/\//;

/** Moves a database of SQLite to PostgreSQL; prints how far it is, and what both hold in the end. */
export async function migrate(context: CliContext, loaded: LoadedSettings): Promise<number> {
  const { settings, commandFlags } = loaded;
  const path = sourceOf(commandFlags.get("--from"), context.cwd);
  const given = commandFlags.get("--to");
  const urlName = given === undefined ? "database.url" : "--to";
  const url = given ?? settings.database.url;
  if (!POSTGRES.test(url)) throw notPostgres(urlName, given);
  const meter = new MigrationMeter(context);
  const task = { settings, path, url, urlName, clock: context.clock };
  const migration = context.database.migrate({
    ...task,
    onProgress: (progress) => meter.show(progress),
  });
  const migrated = await migration.finally(() => meter.end());
  context.stdout(describe(path, migrated));
  return EXIT.ok;
}

function sourceOf(from: string | undefined, cwd: string): string {
  if (from === undefined) throw new UsageError("migrate needs --from sqlite:FILE.");
  if (POSTGRES.test(from)) {
    throw new UsageError("migrate goes from SQLite to PostgreSQL, and not the other way.");
  }
  if (!from.startsWith(SQLITE) || from === SQLITE) {
    throw new UsageError("migrate needs --from sqlite:FILE, the path of the database.");
  }
  return resolve(cwd, from.slice(SQLITE.length));
}

/** What was given may hold a password. */
function notPostgres(urlName: string, given: string | undefined): UsageError {
  const where =
    given === undefined
      ? "migrate needs --to postgres://…, or database.url to be one"
      : `${urlName} is no URL of PostgreSQL (postgres://…)`;
  return new UsageError(`${where}: it goes from SQLite to PostgreSQL.`);
}

function describe(path: string, { target, tables }: MigratedDatabase): string {
  const named = Math.max(...tables.map(({ table }) => table.length));
  const counted = Math.max(...tables.map(({ rows }) => `${rows}`.length));
  const lines = tables.map(
    ({ table, rows, checksum }) =>
      `  ${table.padEnd(named)}  ${`${rows}`.padStart(counted)}  ${checksum.slice(0, 16)}\n`,
  );
  return [
    `${target} holds what ${path} does (rows, SHA-256):\n`,
    ...lines,
    "Start Parley with database.url set to it. The SQLite database is as it was.\n",
  ].join("");
}
