import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What is in the files of a folder by their names; SQLite's memory of a log (-shm) aside. */
export function filesIn(folder: string): Record<string, string> {
  const names = readdirSync(folder).filter((name) => !name.endsWith("-shm"));
  return Object.fromEntries(
    names.sort().map((name) => [name, Bun.hash(readFileSync(join(folder, name))).toString(36)]),
  );
}
