import { createHash } from "node:crypto";
import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import { MoveSource } from "./move-source.ts";
import { keyOf, MENTIONS, MOVED_TABLES, type MovedRow, type MovedTable } from "./move-tables.ts";
import { batchOf, type Mark, type MoveBatch, MoveTarget } from "./move-target.ts";
import { postgresTarget } from "./postgres-url.ts";

export interface MoveOptions {
  /** Of the SQLite database's file. */
  readonly path: string;
  /** Of the PostgreSQL database, see `postgresTarget`. */
  readonly url: string;
  /** Where that URL was given, for errors. */
  readonly urlName: string;
  readonly statementTimeoutMs: number;
  readonly busyTimeoutMs: number;
  readonly clock: Clock;
  readonly onProgress: (progress: MoveProgress) => void;
}

/** What is under way. `done` of `total` counts rows, or indexes; it begins at what was done before. */
export interface MoveProgress {
  readonly phase: "reading" | "moving" | "indexing" | "checking";
  /** The table, or the index. */
  readonly what: string;
  readonly done: number;
  readonly total: number;
}

/** Of a table, what both databases hold. */
export interface MovedContents {
  readonly table: string;
  readonly rows: number;
  /** Of all rows in their order, SHA-256. */
  readonly checksum: string;
}

export interface MoveReport {
  /** The target's URL without the password. */
  readonly target: string;
  readonly tables: readonly MovedContents[];
}

/**
 * Moves all that an SQLite database holds into a schema of PostgreSQL that holds nothing, builds its
 * indexes, and compares both, row by row. Wherever it ends, however, it goes on from there when it is
 * called again for the same databases; no server starts with the schema before it has resolved.
 *
 * Rejects with an AppError that says what the operator can do: INVALID_CONFIGURATION where the two
 * are not as they must be, DATABASE_DAMAGED where the source is broken or the two differ in the end,
 * STORAGE_UNAVAILABLE where PostgreSQL cannot be reached or does not go on.
 */
export async function move(options: MoveOptions): Promise<MoveReport> {
  const { path, onProgress, clock } = options;
  const target = postgresTarget(options.url, options.urlName);
  onProgress({ phase: "reading", what: path, done: 0, total: 0 });
  using source = await MoveSource.open(path);
  const to = await MoveTarget.open({ ...options, target, clock }, source.identity);
  try {
    await moveRows(source, to, onProgress);
    await buildIndexes(to, onProgress);
    await to.complete();
    const tables = await compare(source, to, onProgress);
    await to.finish();
    return { target: to.name, tables };
  } finally {
    await to.close();
  }
}

type Report = MoveOptions["onProgress"];

async function moveRows(source: MoveSource, target: MoveTarget, report: Report): Promise<void> {
  const marks = new Map<MovedTable, Mark>();
  for (const table of MOVED_TABLES) marks.set(table, await target.mark(table));
  const total = totalOf(source, MOVED_TABLES);
  let done = 0;
  for (const { rows } of marks.values()) done += rows;
  for (let [table, mark] of marks) {
    let batch = batchOf(table, source.page(table, mark.after));
    while (batch !== null) {
      report({ phase: "moving", what: table.name, done, total });
      const { after, rows } = batch;
      // Of one that is tried again the next one is ready.
      let next: MoveBatch | null | undefined;
      mark = await target.put(batch, mark, () => {
        if (next === undefined) next = batchOf(table, source.page(table, after));
      });
      done += rows;
      batch = next ?? null;
    }
  }
  report({ phase: "moving", what: "", done, total });
}

async function buildIndexes(target: MoveTarget, report: Report): Promise<void> {
  const missing = await target.missingIndexes();
  for (const [done, index] of missing.entries()) {
    report({ phase: "indexing", what: index.name, done, total: missing.length });
    await target.buildIndex(index);
  }
}

/** Rejects with AppError DATABASE_DAMAGED at the first row that is another one. */
async function compare(
  source: MoveSource,
  target: MoveTarget,
  report: Report,
): Promise<MovedContents[]> {
  const tables = [...MOVED_TABLES, MENTIONS];
  const total = totalOf(source, tables);
  let done = 0;
  const contents: MovedContents[] = [];
  for (const table of tables) {
    const hash = createHash("sha256");
    const before = done;
    let last: MovedRow | undefined;
    for (const rows of source.pages(table)) {
      report({ phase: "checking", what: table.name, done, total });
      const after = last === undefined ? null : keyOf(table, last);
      const moved = await target.page(table, after, rows.length);
      for (const [at, row] of rows.entries()) {
        const text = textOf(table, row);
        const other = moved[at];
        if (other === undefined || textOf(table, other) !== text) throw differs(table, row, target);
        hash.update(text);
      }
      last = rows.at(-1);
      done += rows.length;
    }
    const [more] = await target.page(table, last === undefined ? null : keyOf(table, last), 1);
    if (more !== undefined) throw differs(table, more, target);
    contents.push({ table: table.name, rows: done - before, checksum: hash.digest("hex") });
  }
  report({ phase: "checking", what: "", done, total });
  return contents;
}

function totalOf(source: MoveSource, tables: readonly MovedTable[]): number {
  return tables.reduce((sum, table) => sum + source.count(table), 0);
}

function textOf({ columns }: MovedTable, row: MovedRow): string {
  return JSON.stringify(columns.map(({ name }) => row[name]));
}

function differs(table: MovedTable, row: MovedRow, { name }: MoveTarget): AppError {
  return new AppError(
    "DATABASE_DAMAGED",
    `the databases differ in ${table.name}, at ${JSON.stringify(keyOf(table, row))}: do not use ${name}; drop its schema and begin anew`,
  );
}
