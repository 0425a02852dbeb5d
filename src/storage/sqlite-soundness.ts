import { Database } from "bun:sqlite";
import { MIGRATIONS, versionOf } from "./sqlite-migrations.ts";

/** `quick` reads every page but does not compare indexes with their tables. */
export type Depth = "quick" | "full";

/**
 * What is broken in the database below the level of chats: its pages, its schema, or rows whose
 * parent is missing. `null`: nothing. Memory is bounded. Throws the engine's error where even that
 * cannot be found out. Of a database that a newer Parley wrote the schema is not looked at.
 */
export function damageOf(db: Database, depth: Depth): string | null {
  return pageDamage(db, depth) ?? schemaDamage(db) ?? orphans(db);
}

function pageDamage(db: Database, depth: Depth): string | null {
  const check = depth === "quick" ? "quick_check" : "integrity_check";
  const row = db.query<Record<string, string>, []>(`PRAGMA ${check}(1)`).get();
  const finding = row === null ? "no answer" : Object.values(row).join();
  // A finding begins with a heading for the whole tree: one line is enough to say what it is about.
  return finding === "ok" ? null : finding.replaceAll("\n", " ");
}

interface SchemaEntry {
  readonly type: string;
  readonly name: string;
  readonly sql: string | null;
}

/** An index too many does no harm; one that is missing would let messages double. */
function schemaDamage(db: Database): string | null {
  const steps = MIGRATIONS.slice(0, versionOf(db));
  using model = new Database(":memory:");
  for (const step of steps) model.run(step);
  const found = new Set(schemaOf(db).map(keyOf));
  const missing = schemaOf(model).find((entry) => !found.has(keyOf(entry)));
  if (missing === undefined) return null;
  return `the ${missing.type} ${missing.name} is missing or is not Parley's`;
}

function schemaOf(db: Database): SchemaEntry[] {
  return db.query<SchemaEntry, []>("SELECT type, name, sql FROM sqlite_schema").all();
}

function keyOf({ type, name, sql }: SchemaEntry): string {
  return JSON.stringify([type, name, sql?.replaceAll(/\s+/g, " ")]);
}

function orphans(db: Database): string | null {
  const row = db
    .query<{ child: string; parent: string }, []>(
      `SELECT "table" AS child, parent FROM pragma_foreign_key_check LIMIT 1`,
    )
    .get();
  return row === null ? null : `rows of ${row.child} lack what they belong to in ${row.parent}`;
}
