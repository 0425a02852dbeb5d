import { Database } from "bun:sqlite";
import { closeSync, copyFileSync, openSync, statSync, writeSync } from "node:fs";

const PAGE_BYTES = 4096;

/** What a crash at this moment would leave of the database. Nothing may be committing. */
export function copyAsAfterCrash(path: string, to: string): void {
  copyFileSync(path, to);
  copyFileSync(`${path}-wal`, `${to}-wal`);
}

/** Fills the page in the middle of the file with what no page of SQLite can be. */
export function corruptMiddlePage(path: string): void {
  const pages = statSync(path).size / PAGE_BYTES;
  const file = openSync(path, "r+");
  writeSync(
    file,
    Buffer.alloc(PAGE_BYTES, 0xff),
    0,
    PAGE_BYTES,
    Math.floor(pages / 2) * PAGE_BYTES,
  );
  closeSync(file);
}

/** Runs SQL as somebody would who knows nothing of foreign keys. */
export function tamper(path: string, ...statements: readonly string[]): void {
  using db = new Database(path, { readwrite: true });
  db.run("PRAGMA foreign_keys = OFF");
  for (const statement of statements) db.run(statement);
}
