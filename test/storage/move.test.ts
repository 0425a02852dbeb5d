import { Database } from "bun:sqlite";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SQL } from "bun";
import { systemClock } from "../../src/clock.ts";
import { AppError } from "../../src/errors.ts";
import { type MoveProgress, move } from "../../src/storage/move.ts";
import { MOVED_TABLES } from "../../src/storage/move-tables.ts";
import { MoveTarget } from "../../src/storage/move-target.ts";
import { openPostgresStorage } from "../../src/storage/postgres.ts";
import { postgresTarget } from "../../src/storage/postgres-url.ts";
import { openSqliteStorage } from "../../src/storage/sqlite.ts";
import { MIGRATIONS } from "../../src/storage/sqlite-migrations.ts";
import { copyAsAfterCrash, corruptMiddlePage } from "../support/database-files.ts";
import { everythingIn, growDatabase } from "../support/grown-database.ts";
import { postgresDatabases } from "../support/postgres-databases.ts";
import { batch, conversation, message } from "../support/stored.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const KILLED = 137;

let grown: TemporaryFolder;
let folder: TemporaryFolder;
let path: string;
let url: string;

beforeAll(async () => {
  grown = new TemporaryFolder();
  // Of `messages`, several pages.
  await growDatabase(grown.file("parley.db"), 4_500);
});
afterAll(() => grown[Symbol.dispose]());

beforeEach(async () => {
  folder = new TemporaryFolder();
  path = folder.file("parley.db");
  copyFileSync(grown.file("parley.db"), path);
  url = await (await postgresDatabases()).make();
});
afterEach(() => folder[Symbol.dispose]());

function moveFrom(from: string, onProgress = (_: MoveProgress) => {}, to = url) {
  const limits = { statementTimeoutMs: 30_000, busyTimeoutMs: 5_000 };
  return move({ path: from, url: to, urlName: "--to", ...limits, clock: systemClock, onProgress });
}

async function refusalOf(act: () => Promise<unknown>): Promise<string> {
  try {
    await act();
  } catch (fault) {
    if (!(fault instanceof AppError)) throw fault;
    expect(Bun.inspect(fault)).not.toContain("secret");
    return `${fault.code}: ${fault.message}`;
  }
  return expect.unreachable("not refused");
}

async function expectMoved(): Promise<void> {
  const before = await openSqliteStorage({ path });
  const after = await openPostgresStorage({ url });
  expect(await everythingIn(after)).toEqual(await everythingIn(before));
  await Promise.all([before.close(), after.close()]);
}

/** Of the target, by a client that is not Parley. */
async function ask<Row>(sql: string): Promise<Row[]> {
  const { server } = await postgresDatabases();
  const client = new SQL({ ...server.connection(new URL(url).pathname.slice(1)), max: 1 });
  try {
    return Array.from(await client.unsafe(sql));
  } finally {
    await client.close({ timeout: 1 });
  }
}

const INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'parley' ORDER BY indexdef";

/** Ends in the middle: at the n-th report of a phase. */
async function interrupt(phase: MoveProgress["phase"], count = 1): Promise<void> {
  let reports = 0;
  const refusal = moveFrom(path, (progress) => {
    if (progress.phase === phase) reports += 1;
    if (reports === count) throw new Error("interrupted");
  });
  await expect(refusal).rejects.toThrow("interrupted");
}

describe("a grown database that is moved to PostgreSQL", () => {
  test("says what it said before, and goes on from there", async () => {
    const reports: MoveProgress[] = [];
    const { target, tables } = await moveFrom(path, (progress) => reports.push(progress));
    expect(target).not.toContain("secret");
    const rows = Object.fromEntries(tables.map((each) => [each.table, each.rows]));
    expect(rows).toMatchObject({ conversations: 6, queue_messages: 5, removed_messages: 20 });
    expect(tables.every(({ checksum }) => /^[0-9a-f]{64}$/.test(checksum))).toBe(true);
    const phases = [...new Set(reports.map(({ phase }) => phase))];
    expect(phases).toEqual(["reading", "moving", "indexing", "checking"]);
    const moving = reports.filter(({ phase }) => phase === "moving");
    expect(moving.at(0)?.done).toBe(0);
    expect(moving.at(-1)?.done).toBe(moving.at(-1)?.total ?? 0);
    await expectMoved();

    // What comes next takes the next place, and what comes again is known.
    const storage = await openPostgresStorage({ url });
    const again = message(1, { clientMessageId: "n7", conversationId: "many" });
    await expect(storage.chat.commit(batch({ messages: [again] }))).rejects.toThrow();
    const next = message(4_501, { conversationId: "many", content: "the newest of message" });
    await storage.chat.commit(batch({ messages: [next] }));
    await storage.blocks.put({ blockerId: "alice", blockedId: "aaron" }, true);
    expect(await storage.blocks.all()).toEqual([
      ...[
        { blockerId: "alice", blockedId: "zoe" },
        { blockerId: "alice", blockedId: "bob" },
      ],
      ...[
        { blockerId: "alice", blockedId: "aaron" },
        { blockerId: "bob", blockedId: "eve" },
      ],
    ]);
    const newest = "SELECT id FROM parley.messages ORDER BY position DESC LIMIT 1";
    expect(await ask(newest)).toEqual([{ id: "many#4501" }]);
    // A removal goes on where it was: nothing is left out, and nothing is counted twice.
    const before = await openSqliteStorage({ path });
    for (const { erasures } of [before, storage]) {
      while (!(await erasures.erasePortion("leaver", 10)));
    }
    const erased = await before.erasures.erasure("leaver");
    expect(erased?.erasedMessages).toBe(40);
    expect(await storage.erasures.erasure("leaver")).toEqual(erased);
    await before.close();
    await storage.close();
  });

  test("has the indexes and the rules of one that began in PostgreSQL", async () => {
    const moved = url;
    await moveFrom(path);
    const indexes = await ask(INDEXES);
    url = await (await postgresDatabases()).make();
    await (await openPostgresStorage({ url })).close();
    expect(indexes).toEqual(await ask(INDEXES));
    url = moved;
  });

  test("is whole however often it was killed on the way", async () => {
    let code = KILLED;
    let runs = 0;
    // Each comes a good deal further than the one before it.
    for (let [reports, more] = [2, 3]; code !== 0; [reports, more] = [more, reports + more]) {
      runs += 1;
      const child = Bun.spawn(
        [
          ...[process.execPath, join(import.meta.dir, "move-until-killed.ts"), path, url],
          ...[`${reports}`, runs % 2 === 0 ? "now" : "later"],
        ],
        { stdout: "inherit", stderr: "inherit" },
      );
      code = await child.exited;
      expect([0, KILLED]).toContain(code);
    }
    expect(runs).toBeGreaterThan(5);
    await expectMoved();
  }, 120_000);

  test("begins each table behind what was moved before", async () => {
    await interrupt("moving", 5);
    const [{ rows } = { rows: 0 }] = await ask<{ rows: number }>(
      "SELECT sum(rows)::float8 AS rows FROM parley.move_tables",
    );
    expect(rows).toBeGreaterThan(2_000);
    const reports: MoveProgress[] = [];
    await moveFrom(path, (progress) => reports.push(progress));
    expect(reports.find(({ phase }) => phase === "moving")?.done).toBe(rows);
    await expectMoved();
  });

  test("waits for what a killed process has under way in PostgreSQL", async () => {
    await interrupt("moving", 5);
    const { server } = await postgresDatabases();
    const client = new SQL({ ...server.connection(new URL(url).pathname.slice(1)), max: 2 });
    const held = await client.reserve();
    await held.unsafe("BEGIN");
    await held.unsafe("DELETE FROM parley.messages WHERE position > 100");
    await held.unsafe(
      `UPDATE parley.move_tables SET after = '[100]', rows = (SELECT count(*) FROM parley.messages)
       WHERE name = 'messages'`,
    );
    const moved = moveFrom(path);
    for (let waiting = 0; waiting === 0; ) {
      const sessions = await client.unsafe(
        `SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
           AND application_name = 'parley migrate' AND wait_event_type = 'Lock'`,
      );
      waiting = sessions.length;
    }
    await held.unsafe("COMMIT");
    held.release();
    await moved;
    await client.close({ timeout: 1 });
    await expectMoved();
  });

  test("may have a part of it in the log that a crash has left, which stays", async () => {
    const served = await openSqliteStorage({ path });
    const late = message(4_501, { conversationId: "many", content: "said before the crash" });
    await served.chat.commit(batch({ messages: [late] }));
    const crashed = folder.file("crashed.db");
    copyAsAfterCrash(path, crashed);
    await served.close();
    path = crashed;
    const log = readFileSync(`${path}-wal`);
    await interrupt("moving", 5);
    await moveFrom(path);
    expect(readFileSync(`${path}-wal`)).toEqual(log);
    await expectMoved();
  });

  test("is there once where two move copies of it at the same time", async () => {
    const copy = folder.file("copy.db");
    copyFileSync(path, copy);
    const outcomes = await Promise.allSettled([moveFrom(path), moveFrom(copy)]);
    const moved = outcomes.filter(({ status }) => status === "fulfilled");
    const refused = outcomes.filter((outcome) => outcome.status === "rejected");
    expect(moved).toHaveLength(1);
    expect(refused).toMatchObject([{ reason: { code: "INVALID_CONFIGURATION" } }]);
    await expectMoved();
  });

  test("is said to differ where a row of it is another one, and is not served", async () => {
    await interrupt("indexing");
    await ask("UPDATE parley.messages SET content = 'changed' WHERE id = 'many#4444'");
    const refusal = await refusalOf(() => moveFrom(path));
    expect(refusal).toMatch(/^DATABASE_DAMAGED: the databases differ in messages, at \[\d+\]: /);
    const served = await refusalOf(() => openPostgresStorage({ url }));
    expect(served).toContain("parley migrate, which has not finished");
  });

  test.each([
    ["lacks", "DELETE FROM parley.invites WHERE code = 'later'", 'invites, at ["later"]'],
    [
      "has one too many of",
      "INSERT INTO parley.mentions VALUES ('team', 'zoe', 9)",
      'mentions, at ["team","zoe",9]',
    ],
  ])("is said to differ where it %s rows", async (_, sql, where) => {
    await interrupt("indexing");
    await ask(sql);
    expect(await refusalOf(() => moveFrom(path))).toContain(`differ in ${where}: `);
  });
});

describe("a database is not moved", () => {
  test("that is not there, and none is made", async () => {
    const refusal = await refusalOf(() => moveFrom(folder.file("nowhere.db")));
    expect(refusal).toBe(
      `INVALID_CONFIGURATION: there is no database at ${folder.file("nowhere.db")}`,
    );
    expect(await ask("SELECT 1 FROM pg_namespace WHERE nspname = 'parley'")).toEqual([]);
  });

  test("while a server has it", async () => {
    const served = await openSqliteStorage({ path });
    expect(await refusalOf(() => moveFrom(path))).toContain(`another Parley serves the database`);
    await served.close();
    await moveFrom(path);
  });

  test("of another Parley's schema, and it is said what to do", async () => {
    const set = (version: number) => {
      using db = new Database(path);
      db.run(`PRAGMA user_version = ${version}`);
    };
    set(MIGRATIONS.length - 1);
    expect(await refusalOf(() => moveFrom(path))).toContain(
      `was written by an older Parley: start and stop this one with it (parley serve --database-url sqlite:${path})`,
    );
    set(MIGRATIONS.length + 1);
    expect(await refusalOf(() => moveFrom(path))).toContain("a newer Parley: use that version");
    set(0);
    expect(await refusalOf(() => moveFrom(path))).toContain("is not a database of Parley");
  });

  test("that is broken, or is none, or has something to be mended", async () => {
    {
      using db = new Database(path);
      db.run("UPDATE conversations SET last_seq = 7 WHERE id = 'many'");
    }
    expect(await refusalOf(() => moveFrom(path))).toContain("has something to be mended");
    corruptMiddlePage(path);
    expect(await refusalOf(() => moveFrom(path))).toStartWith("DATABASE_DAMAGED: ");
    writeFileSync(path, "this is a letter to my aunt, and not a database. ".repeat(100));
    expect(await refusalOf(() => moveFrom(path))).toContain("cannot be opened (SQLITE_NOTADB)");
  });

  test("that was changed since a part of it was moved", async () => {
    await interrupt("moving", 3);
    const storage = await openSqliteStorage({ path });
    await storage.chat.commit(batch({ users: [{ userId: "a", name: "A", lastSeenMs: 1 }] }));
    await storage.close();
    const refusal = await refusalOf(() => moveFrom(path));
    expect(refusal).toContain("or from this one before it was changed");
    expect(refusal).toContain("DROP SCHEMA parley CASCADE");
  });
});

describe("a database of PostgreSQL takes none", () => {
  test("that holds something already", async () => {
    const storage = await openPostgresStorage({ url });
    await storage.chat.commit(batch({ conversations: [conversation()] }));
    await storage.close();
    const refusal = await refusalOf(() => moveFrom(path));
    expect(refusal).toContain("holds something already (conversations)");
    // Another schema in it is another place.
    await moveFrom(path, undefined, `${url}&schema=other`);
  });

  test.each(["alone", "shared"] as const)(
    "while a server has it (%s), though there is nothing in it",
    async (how) => {
      const serving = { how, onTaken: expect.unreachable };
      const served = await openPostgresStorage({ url, serving });
      expect(await refusalOf(() => moveFrom(path))).toContain("is served by a Parley that runs");
      await served.chat.commit(batch({ conversations: [conversation()] }));
      await served.close();
      await (await openPostgresStorage({ url })).close();
    },
  );

  const fill = () =>
    MoveTarget.open(
      {
        ...{ target: postgresTarget(url), clock: systemClock },
        ...{ statementTimeoutMs: 30_000, busyTimeoutMs: 5_000 },
      },
      "a source",
    );

  test("that is being filled, and no server starts with it", async () => {
    const filling = await fill();
    for (const how of ["alone", "shared"] as const) {
      const serving = { how, onTaken: expect.unreachable };
      const refusal = await refusalOf(() => openPostgresStorage({ url, serving }));
      expect(refusal).toContain("is being filled by parley migrate, which runs");
    }
    expect(await refusalOf(fill)).toContain("is being filled by parley migrate, which runs");
    await filling.close();
  });

  test("that another one took while it was cut off", async () => {
    const filling = await fill();
    const [table] = MOVED_TABLES;
    if (table === undefined) throw new TypeError("no table is moved");
    await filling.mark(table);
    const { server } = await postgresDatabases();
    const thief = new SQL({ ...server.connection(new URL(url).pathname.slice(1)), max: 1 });
    // As soon as the lock is free.
    const stolen = thief.unsafe("SELECT pg_advisory_lock(1885434477, hashtext('parley'))");
    void stolen.execute();
    await ask(`
      SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid)
      WHERE locktype = 'advisory' AND granted AND datname = current_database()`);
    await stolen;
    const code = () =>
      filling.mark(table).then(
        () => "none",
        (fault) => fault.code,
      );
    while ((await code()) !== "INVALID_CONFIGURATION");
    await filling.close();
    await thief.close({ timeout: 1 });
  });

  test("twice", async () => {
    await moveFrom(path);
    expect(await refusalOf(() => moveFrom(path))).toContain("and that is finished");
  });

  test("from two sources", async () => {
    await interrupt("moving", 3);
    const other = folder.file("other.db");
    await (await openSqliteStorage({ path: other })).close();
    expect(await refusalOf(() => moveFrom(other))).toContain("is being filled from another");
    await moveFrom(path);
  });

  test("and serves nothing before it has all", async () => {
    for (const phase of ["moving", "indexing", "checking"] as const) {
      await interrupt(phase);
      const refusal = await refusalOf(() => openPostgresStorage({ url }));
      expect(refusal).toStartWith("INVALID_CONFIGURATION: ");
      expect(refusal).toContain("is being filled by parley migrate, which has not finished");
    }
    await moveFrom(path);
    await expectMoved();
  });

  test("where it cannot be reached, or its URL is wrong", async () => {
    const away = "postgres://parley:secret@127.0.0.1:1/parley";
    expect(await refusalOf(() => moveFrom(path, undefined, away))).toStartWith(
      "STORAGE_UNAVAILABLE: the database postgres://parley@127.0.0.1:1/parley cannot be opened",
    );
    const wrong = `${url}&sslmod=require`;
    expect(await refusalOf(() => moveFrom(path, undefined, wrong))).toBe(
      "INVALID_CONFIGURATION: --to has the unknown parameter sslmod",
    );
  });
});
