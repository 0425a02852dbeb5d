import type { Database } from "bun:sqlite";
import { AppError } from "../errors.ts";
import { CHATS } from "./sqlite-migrations-chats.ts";
import { GROUPS } from "./sqlite-migrations-groups.ts";
import { NOTICES } from "./sqlite-migrations-notices.ts";

/**
 * The steps from an empty database to today's, one version each. A step that was released is never
 * changed: what must be different becomes a step of its own at the end, in the last of these files.
 */
export const MIGRATIONS: readonly string[] = [...CHATS, ...GROUPS, ...NOTICES];

/**
 * Brings the database to the newest version; each step is done wholly or not at all, so a failure
 * leaves a database that can be tried again. Throws AppError INVALID_CONFIGURATION for a database
 * that a newer Parley made, which is left as it is.
 */
export function migrate(db: Database, migrations: readonly string[] = MIGRATIONS): void {
  for (let version = versionOf(db); version !== migrations.length; version = versionOf(db)) {
    const step = migrations[version];
    if (step === undefined) {
      throw new AppError(
        "INVALID_CONFIGURATION",
        `the database was written by a newer Parley (schema ${version}; this one knows up to ${migrations.length}): start that version again, or restore a backup made before it`,
      );
    }
    db.transaction(() => {
      db.run(step);
      db.run(`PRAGMA user_version = ${version + 1}`);
    }).immediate();
  }
}

/** Of the schema; 0 in a database that Parley has not migrated yet, or that is not Parley's. */
export function versionOf(db: Database): number {
  return db.query<{ user_version: number }, []>("PRAGMA user_version").get()?.user_version ?? 0;
}
