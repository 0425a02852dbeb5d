import { describe, expect, test } from "bun:test";
import type { DatabasePort, MigrationProgress, MigrationTask } from "../../src/cli.ts";
import { AppError } from "../../src/errors.ts";
import { fakeDatabase, NOW, run } from "../support/cli-harness.ts";

describe("migrate", () => {
  const argv = ["migrate", "--from", "sqlite:old.db", "--to", "postgres://ann:secret@db/chat"];
  const migrated = {
    target: "postgres://ann@db/chat",
    tables: [
      { table: "messages", rows: 1_234, checksum: "0123456789abcdef0123" },
      { table: "users", rows: 5, checksum: "fedcba98765432100123" },
    ],
  };

  /** Reports, each so many milliseconds after the one before it. */
  function migrating(reports: readonly (readonly [ms: number, MigrationProgress])[]) {
    const tasks: MigrationTask[] = [];
    let nowMs = 0;
    const database: DatabasePort = {
      ...fakeDatabase(() => Promise.reject(new Error("no backup was asked for"))).database,
      async migrate(task) {
        tasks.push(task);
        for (const [ms, progress] of reports) {
          nowMs += ms;
          task.onProgress(progress);
        }
        return migrated;
      },
    };
    const clock = {
      now: () => NOW,
      monotonicMs: () => nowMs,
      schedule: () => ({ cancel() {} }),
    };
    return { tasks, options: { database, clock } };
  }

  const moving = (done: number): MigrationProgress => {
    return { phase: "moving", what: "messages", done, total: 4_000 };
  };

  test("goes from a file to a URL, and tells what both hold in the end", async () => {
    const { tasks, options } = migrating([]);
    const { done, stdout, stderr } = run(argv, options);
    expect(await done).toBe(0);
    expect(tasks).toMatchObject([{ path: "/srv/old.db", url: argv[4], urlName: "--to" }]);
    expect(stdout()).toBe(
      [
        "postgres://ann@db/chat holds what /srv/old.db does (rows, SHA-256):",
        "  messages  1234  0123456789abcdef",
        "  users        5  fedcba9876543210",
        "Start Parley with database.url set to it. The SQLite database is as it was.\n",
      ].join("\n"),
    );
    expect(stderr()).toBe("");
  });

  test("goes to the database of the settings where it is told no other", async () => {
    const { tasks, options } = migrating([]);
    const env = { PARLEY_DATABASE_URL: "postgres://ann:secret@db/chat" };
    expect(await run(argv.slice(0, 3), { ...options, env }).done).toBe(0);
    expect(tasks).toMatchObject([{ url: env.PARLEY_DATABASE_URL, urlName: "database.url" }]);
  });

  test("writes a line every few seconds, with the pace and what is left", async () => {
    const { options } = migrating([
      [0, { phase: "reading", what: "/srv/old.db", done: 0, total: 0 }],
      ...([
        [10, moving(1_000)],
        [1_000, moving(1_500)],
        [4_000, moving(3_500)],
      ] as const),
      [100, moving(4_000)],
      [0, { phase: "indexing", what: "words", done: 0, total: 2 }],
      [9, { phase: "indexing", what: "events", done: 1, total: 2 }],
      [0, { phase: "checking", what: "messages", done: 0, total: 4_000 }],
    ]);
    const { done, stderr } = run(argv, options);
    expect(await done).toBe(0);
    expect(stderr()).toBe(
      [
        "Reading /srv/old.db",
        "Moving messages: 25 %, 1000 of 4000 rows",
        "Moving messages: 87 %, 3500 of 4000 rows, 500 rows/s, 1 s left",
        "Moving messages: 100 %, 4000 of 4000 rows, 588 rows/s",
        "Building the index words (1 of 2)",
        "Building the index events (2 of 2)",
        "Checking messages: 0 %, 0 of 4000 rows\n",
      ].join("\n"),
    );
  });

  test("draws a bar on a terminal, on one line of each phase", async () => {
    const { options } = migrating([
      ...([
        [0, moving(1_000)],
        [50, moving(1_500)],
        [60, moving(2_000)],
      ] as const),
      [200_000, { phase: "checking", what: "users", done: 0, total: 4_000 }],
      [200_000, { phase: "checking", what: "users", done: 40, total: 4_000 }],
    ]);
    const { done, stderr } = run(argv, { ...options, isErrorTerminal: true });
    expect(await done).toBe(0);
    const clear = "\r\u001b[K";
    expect(stderr()).toBe(
      [
        `${clear}Moving messages: [######..................] 25 %, 1000 of 4000 rows`,
        `${clear}Moving messages: [############............] 50 %, 2000 of 4000 rows, 9091 rows/s, 1 s left\n`,
        `${clear}Checking users: [........................] 0 %, 0 of 4000 rows`,
        `${clear}Checking users: [........................] 1 %, 40 of 4000 rows, 0 rows/s, 5 h 30 min left\n`,
      ].join(""),
    );
  });

  test("that ends early says why on a line of its own, and says nothing of the password", async () => {
    const { options } = migrating([]);
    const database: DatabasePort = {
      ...options.database,
      async migrate({ onProgress }) {
        onProgress(moving(1_000));
        const cause = new Error("the server went away");
        throw new AppError("STORAGE_UNAVAILABLE", "it does not go on", { cause });
      },
    };
    const { done, stdout, stderr } = run(argv, { ...options, database, isErrorTerminal: true });
    expect(await done).toBe(1);
    expect(stdout()).toBe("");
    expect(stderr()).toEndWith("\nparley: it does not go on (the server went away)\n");
    const wrong = run(["migrate", "--from", "sqlite:a.db", "--to", "pg://ann:secret@db"]);
    expect(await wrong.done).toBe(2);
    expect(wrong.stderr()).not.toContain("secret");
  });
});
