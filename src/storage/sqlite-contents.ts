import { Database } from "bun:sqlite";
import { AppError } from "../errors.ts";
import { openingError } from "./sqlite-errors.ts";
import { gapSentences, inspectChats } from "./sqlite-invariants.ts";
import { MIGRATIONS, versionOf } from "./sqlite-migrations.ts";
import { damageOf } from "./sqlite-soundness.ts";

/** What a sound database holds. */
export interface DatabaseContents {
  readonly conversations: number;
  readonly messages: number;
  /** Sentences on what it lacks, although it can be served. */
  readonly warnings: readonly string[];
}

/**
 * Checks a database that nobody writes to, page by page and row by row, and tells what is in it.
 * `name` is what it is called in errors. Throws AppError DATABASE_DAMAGED when it is broken, and
 * INVALID_CONFIGURATION when it is none of Parley's, or a newer Parley's.
 */
export function contentsOf(path: string, name: string): DatabaseContents {
  try {
    using db = new Database(path, { readonly: true });
    // Indexes of random ids are compared with their tables: 64 MB spare most of the seeking.
    db.run("PRAGMA cache_size = -65536");
    expectKnownVersion(versionOf(db), name);
    const damage = damageOf(db, "full");
    if (damage !== null) throw brokenFile(name, damage);
    const inspection = inspectChats(db);
    const { conversations, messages } = inspection;
    return { conversations, messages, warnings: gapSentences(inspection) };
  } catch (fault) {
    throw openingError(name, fault);
  }
}

function expectKnownVersion(version: number, name: string): void {
  if (version === 0) {
    throw new AppError("INVALID_CONFIGURATION", `${name} is not a database of Parley`);
  }
  if (version > MIGRATIONS.length) {
    throw new AppError(
      "INVALID_CONFIGURATION",
      `${name} was written by a newer Parley (schema ${version}; this one knows up to ${MIGRATIONS.length})`,
    );
  }
}

export function brokenFile(name: string, finding: string, cause?: unknown): AppError {
  return new AppError("DATABASE_DAMAGED", `${name} is damaged: ${finding}`, { cause });
}
