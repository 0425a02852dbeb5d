import { Database } from "bun:sqlite";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { AppError } from "../errors.ts";
import { statIfThere } from "./file-operations.ts";
import {
  asKept,
  keyOf,
  type MovedRow,
  type MovedTable,
  type RowKey,
  sourcePage,
} from "./move-tables.ts";
import { damaged, openingError } from "./sqlite-errors.ts";
import { inspectChats } from "./sqlite-invariants.ts";
import { type DatabaseLock, lockDatabase } from "./sqlite-lock.ts";
import { MIGRATIONS, versionOf } from "./sqlite-migrations.ts";
import { TEMPORARY_IN_MEMORY } from "./sqlite-reader.ts";
import { isReplacementPending } from "./sqlite-replacement.ts";
import { damageOf } from "./sqlite-soundness.ts";

/** Rows that are read at a time, fewer where they are long: memory is bounded by both. */
const PAGE_ROWS = 2_000;
const PAGE_CHARACTERS = 4 * 1024 * 1024;

/** An SQLite database that is read while nobody serves it, and is not changed. */
export class MoveSource implements Disposable {
  readonly #db: Database;
  readonly #lock: DatabaseLock;

  private constructor(
    readonly path: string,
    /** Of all that it holds: another database has another one, and so has this one once it is changed. */
    readonly identity: string,
    db: Database,
    lock: DatabaseLock,
  ) {
    this.#db = db;
    this.#lock = lock;
  }

  /**
   * Takes the sole right to the database at `path`. Rejects with AppError INVALID_CONFIGURATION where
   * it is not there, is served, has the schema of another Parley, or a start has something to finish or
   * mend in it; with DATABASE_DAMAGED where it is broken.
   */
  static async open(path: string): Promise<MoveSource> {
    if (statIfThere(path)?.isFile() !== true) throw refused(`there is no database at ${path}`);
    const lock = lockDatabase(path);
    let db: Database | undefined;
    try {
      if (isReplacementPending(path)) {
        throw refused(`a restore of ${path} was interrupted: start the server, which finishes it`);
      }
      // First, since whoever reads the file by other means takes the engine's locks from it.
      const identity = await identityOf(path);
      db = new Database(path, { readonly: true });
      db.run("PRAGMA busy_timeout = 1000");
      db.run(TEMPORARY_IN_MEMORY);
      db.run("PRAGMA cache_size = -65536");
      expectVersion(versionOf(db), path);
      expectSound(db, path);
      return new MoveSource(path, identity, db, lock);
    } catch (fault) {
      db?.close();
      lock.release();
      throw openingError(path, fault);
    }
  }

  count({ name }: MovedTable): number {
    return this.#read(
      () => this.#db.query<{ n: number }, []>(`SELECT count(*) AS n FROM "${name}"`).get()?.n ?? 0,
    );
  }

  /** The rows behind `after`, in the order of their keys; at least one where there is one. */
  page(table: MovedTable, after: RowKey | null): MovedRow[] {
    return this.#read(() => {
      const rows: MovedRow[] = [];
      const statement = this.#db.query<MovedRow, (string | number)[]>(
        sourcePage(table, after === null),
      );
      let characters = 0;
      for (const row of statement.iterate(...(after ?? []), PAGE_ROWS)) {
        rows.push(asKept(table, row));
        for (const value of Object.values(row)) {
          if (typeof value === "string") characters += value.length;
        }
        if (characters >= PAGE_CHARACTERS) break;
      }
      return rows;
    });
  }

  /** All rows behind `after`, by pages. */
  *pages(table: MovedTable, after: RowKey | null = null): Generator<MovedRow[]> {
    for (let last = after; ; ) {
      const rows = this.page(table, last);
      const end = rows.at(-1);
      if (end === undefined) return;
      yield rows;
      last = keyOf(table, end);
    }
  }

  [Symbol.dispose](): void {
    this.#db.close();
    this.#lock.release();
  }

  #read<T>(read: () => T): T {
    try {
      return read();
    } catch (fault) {
      throw openingError(this.path, fault);
    }
  }
}

async function identityOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for (const file of [path, `${path}-wal`]) {
    if ((statIfThere(file)?.size ?? 0) === 0) continue;
    for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 })) {
      hash.update(chunk);
    }
  }
  return hash.digest("hex");
}

function expectVersion(version: number, path: string): void {
  if (version === MIGRATIONS.length) return;
  if (version === 0) throw refused(`${path} is not a database of Parley`);
  const advice =
    version < MIGRATIONS.length
      ? `an older Parley: start and stop this one with it (parley serve --database-url sqlite:${path}), which brings it up to date`
      : "a newer Parley: use that version";
  const is = `schema ${version}; this one's is ${MIGRATIONS.length}`;
  throw refused(`the database ${path} was written by ${advice} (${is})`);
}

function expectSound(db: Database, path: string): void {
  const damage = damageOf(db, "quick");
  if (damage !== null) throw damaged(path, damage);
  const { lagging, misplacedWatermarks } = inspectChats(db);
  if (lagging + misplacedWatermarks === 0) return;
  throw refused(
    `the database ${path} has something to be mended: start and stop the server with it (--database-check always), which does that`,
  );
}

function refused(message: string): AppError {
  return new AppError("INVALID_CONFIGURATION", message);
}
