import { Database } from "bun:sqlite";
import { unavailable } from "./sqlite-errors.ts";

/** Outside of the database's folder, there may be none in which a file can be made. */
export const TEMPORARY_IN_MEMORY = "PRAGMA temp_store = MEMORY";

/**
 * A connection that only reads, and sees every commit that is done. The database must be there and
 * migrated.
 */
export function openReader(path: string): Database {
  const db = new Database(path, { readonly: true });
  // Readers of a WAL wait for nobody, but for a moment's recovery after a crash.
  db.run("PRAGMA busy_timeout = 1000");
  db.run(TEMPORARY_IN_MEMORY);
  // 16 MB: the lists of users with very many conversations go through all of them.
  db.run("PRAGMA cache_size = -16384");
  return db;
}

/** What `read` returns. Throws AppError STORAGE_UNAVAILABLE when the engine fails, and when closed. */
export function answer<T>(read: () => T): T {
  try {
    return read();
  } catch (fault) {
    throw unavailable("the store cannot be read", fault);
  }
}
