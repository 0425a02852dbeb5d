import { expect, test } from "bun:test";
import { availableParallelism } from "node:os";
import { checkStartAllowed, loadSettings } from "../../src/config.ts";

const POSTGRES = "--database-url=postgres://parley@db/parley";

function load(...argv: string[]) {
  return loadSettings({ argv, env: {}, cwd: "/srv", readFile: () => undefined }).settings;
}

test("a server is one process unless it is told otherwise; auto is one a core", () => {
  expect(load().processes).toBe(1);
  expect(load("--processes=4").processes).toBe(4);
  expect(load("--processes=auto").processes).toBe(availableParallelism());
});

test.each(["0", "-1", "1.5", "257", "all", "true"])("%s is no number of processes", (text) => {
  expect(() => load(`--processes=${text}`)).toThrow("a whole number from 1 to 256, or auto");
});

test.each(["sqlite:/srv/a.db", "memory:"])("several processes do not share %s", (url) => {
  const database = `--database-url=${url}`;
  expect(() => checkStartAllowed(load("--processes=2", database))).toThrow(
    "processes is 2, and only PostgreSQL is shared by several",
  );
  expect(() => checkStartAllowed(load("--processes=1", database))).not.toThrow();
  expect(() => checkStartAllowed(load("--processes=2", POSTGRES))).not.toThrow();
});
