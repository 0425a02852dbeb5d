import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { diskFiles } from "../../src/storage/file-operations.ts";
import { openSqliteStorage } from "../../src/storage/sqlite.ts";
import { type BackupOptions, backUp } from "../../src/storage/sqlite-backup.ts";
import { lockDatabase } from "../../src/storage/sqlite-lock.ts";
import { MIGRATIONS } from "../../src/storage/sqlite-migrations.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { copyAsAfterCrash, corruptMiddlePage, tamper } from "../support/database-files.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { filesWithoutLinks, observedFiles } from "../support/faulty-files.ts";
import { filesIn } from "../support/folder-contents.ts";
import { batch, conversation, message, messages } from "../support/stored.ts";
import { job, queueBatch } from "../support/stored-jobs.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

let folder: TemporaryFolder;
let path: string;
let file: string;

beforeEach(() => {
  folder = new TemporaryFolder();
  path = folder.file("data/parley.db");
  file = folder.file("backups/night.db");
  mkdirSync(folder.file("backups"));
});

afterEach(() => {
  folder[Symbol.dispose]();
});

async function serve(count = 3): Promise<Storage> {
  const storage = await openSqliteStorage({ path });
  await storage.chat.commit(batch({ conversations: [conversation()], messages: messages(count) }));
  return storage;
}

async function make(count = 3): Promise<void> {
  await (await serve(count)).close();
}

function back(options: Partial<BackupOptions> = {}) {
  return backUp({
    ...{ path, file, overwrite: false, files: diskFiles, clock: new FakeClock() },
    ...options,
  });
}

function seqsIn(backup: string): number[] {
  using db = new Database(backup, { readonly: true });
  return db
    .query<{ seq: number }, []>("SELECT seq FROM messages ORDER BY seq")
    .all()
    .map(({ seq }) => seq);
}

describe("a backup", () => {
  test("holds all that was committed while the database is being served", async () => {
    const storage = await serve();
    await storage.queues.commit(queueBatch({ appended: [job(1)] }));
    expect(back()).toEqual({
      ...{ file, bytes: statSync(file).size, tookMs: 0 },
      ...{ conversations: 1, messages: 3, warnings: [] },
    });
    await storage.chat.commit(batch({ messages: [message(4)] }));
    await storage.close();

    expect(readdirSync(folder.file("backups"))).toEqual(["night.db"]);
    expect(seqsIn(file)).toEqual([1, 2, 3]);
    const copy = await openSqliteStorage({ path: file, check: "always" });
    expect(await copy.chat.history({ conversationId: "chat", limit: 10 })).toEqual(messages(3));
    expect(await copy.queues.messages()).toEqual([job(1)]);
    await copy.close();
  });

  test("may be made of a database that nobody serves, which is as it was", async () => {
    await make();
    const before = readFileSync(path);
    back();
    expect(seqsIn(file)).toEqual([1, 2, 3]);
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test("holds what a crash left in the log, which stays there", async () => {
    const storage = await serve();
    const image = folder.file("data/image.db");
    copyAsAfterCrash(path, image);
    await storage.close();
    const before = readFileSync(`${image}-wal`);
    back({ path: image });
    expect(seqsIn(file)).toEqual([1, 2, 3]);
    expect(readFileSync(`${image}-wal`).equals(before)).toBe(true);
  });

  test("can be read by nobody who cannot read the database", async () => {
    await make();
    chmodSync(path, 0o640);
    back();
    expect(statSync(file).mode & 0o777).toBe(0o640);
  });

  test("is on disk before it has its name, and its name thereafter", async () => {
    await make();
    const steps: string[] = [];
    const files = observedFiles((operation) => {
      if (operation !== "remove") steps.push(operation);
    });
    back({ files });
    expect(steps).toEqual(["sync", "link", "syncFolder"]);
    steps.length = 0;
    back({ files, overwrite: true });
    expect(steps).toEqual(["sync", "rename", "syncFolder"]);
  });

  test("may lie beside the database", async () => {
    const storage = await serve();
    const beside = folder.file("data/night.db");
    back({ file: beside });
    await storage.close();
    expect(readdirSync(folder.file("data")).sort()).toEqual([
      "night.db",
      "parley.db",
      "parley.db.lock",
    ]);
  });

  test("may lie where there are no hard links", async () => {
    await make();
    back({ files: filesWithoutLinks });
    expect(readdirSync(folder.file("backups"))).toEqual(["night.db"]);
  });

  test("takes the place of one that was interrupted", async () => {
    await make();
    for (const suffix of ["", "-journal", ".lock"]) {
      writeFileSync(`${file}.backup-partial${suffix}`, "");
    }
    writeFileSync(`${file}.backup-partial`, "half");
    back();
    expect(readdirSync(folder.file("backups"))).toEqual(["night.db"]);
  });

  test("replaces a file when told so", async () => {
    await make();
    writeFileSync(file, "the backup of yesterday");
    back({ overwrite: true });
    expect(seqsIn(file)).toEqual([1, 2, 3]);
  });

  test("of a database of version 1 is one of version 1", async () => {
    mkdirSync(folder.file("data"));
    using db = new Database(path, { create: true, readwrite: true });
    db.run(MIGRATIONS[0] ?? "");
    db.run("PRAGMA user_version = 1");
    back();
    using copy = new Database(file, { readonly: true });
    expect(copy.query("PRAGMA user_version").get()).toEqual({ user_version: 1 });
  });

  test("of a database that lacks messages says so", async () => {
    await make(5);
    tamper(path, "DELETE FROM messages WHERE seq IN (2, 4)");
    expect(back().warnings).toEqual(['2 messages are missing in 1 conversations, such as "chat"']);
  });
});

describe("a backup is refused, and nothing changes,", () => {
  const refusals: readonly (readonly [string, () => Partial<BackupOptions> | undefined, string])[] =
    [
      [
        "without a database",
        () => ({ path: folder.file("data/no.db") }),
        "there is no database at",
      ],
      ["to a folder that is missing", () => ({ file: folder.file("no/night.db") }), "no folder"],
      // Where not even root can make a file.
      ["to a folder that takes none", () => ({ file: "/proc/night.db" }), "cannot be opened"],
      ["to a folder", () => ({ file: folder.file("backups"), overwrite: true }), "is not a file"],
      [
        "to a file that is there",
        () => {
          writeFileSync(file, "precious");
          return {};
        },
        "night.db is there already: name another file, or say --force",
      ],
      ["to the database", () => ({ file: path, overwrite: true }), "belongs to the database"],
      ["to its log", () => ({ file: `${path}-wal`, overwrite: true }), "belongs to the database"],
      [
        "to the database under another name",
        () => {
          symlinkSync(path, file);
          return { overwrite: true };
        },
        "belongs to the database itself",
      ],
      [
        "beside a log that is not its own",
        () => {
          writeFileSync(`${file}-wal`, "");
          return {};
        },
        "night.db-wal would be taken for a part of the backup",
      ],
      [
        "while a restore waits to be finished",
        () => {
          writeFileSync(`${path}.restore-ready-20260102T030405.678Z`, "");
          return {};
        },
        "a restore of",
      ],
      [
        "of a file of another kind",
        () => {
          writeFileSync(path, "this is a letter to my aunt. ".repeat(200));
          return {};
        },
        "SQLITE_NOTADB",
      ],
      [
        "of an empty file",
        () => {
          writeFileSync(path, "");
          return {};
        },
        "is not a database of Parley",
      ],
      [
        "of a database that a newer Parley wrote",
        () => {
          tamper(path, `PRAGMA user_version = ${MIGRATIONS.length + 1}`);
          return {};
        },
        "newer Parley",
      ],
      [
        "when its file comes to be meanwhile",
        () => ({
          files: observedFiles((operation) => {
            if (operation === "link") writeFileSync(file, "precious");
          }),
        }),
        "has come to be meanwhile",
      ],
    ];

  test.each(refusals)("%s", async (name, prepare, message) => {
    await make();
    const options = prepare();
    const before = filesIn(folder.file("backups"));
    const databaseBefore = readFileSync(path);
    expect(() => back(options)).toThrow(
      expect.objectContaining({
        code: "INVALID_CONFIGURATION",
        message: expect.stringContaining(message),
      }),
    );
    const after = filesIn(folder.file("backups"));
    if (name.includes("meanwhile")) expect(readFileSync(file, "utf8")).toBe("precious");
    else expect(after).toEqual(before);
    expect(readFileSync(path).equals(databaseBefore)).toBe(true);
  });

  test("while another one to the same file is being made", async () => {
    await make();
    const lock = lockDatabase(`${file}.backup-partial`);
    writeFileSync(`${file}.backup-partial`, "half");
    expect(() => back()).toThrow("another backup to");
    expect(readFileSync(`${file}.backup-partial`, "utf8")).toBe("half");
    lock.release();
    back();
  });

  test.each([
    ["a page that is none", () => corruptMiddlePage(path)],
    ["rows that belong to nothing", () => tamper(path, "DELETE FROM conversations")],
    ["an index that is gone", () => tamper(path, "DROP INDEX members_by_user")],
  ])("of a database with %s; the backup before it stays", async (_, damage) => {
    await make(1_000);
    back();
    const before = filesIn(folder.file("backups"));
    damage();
    expect(() => back({ overwrite: true })).toThrow(
      expect.objectContaining({ code: "DATABASE_DAMAGED" }),
    );
    expect(filesIn(folder.file("backups"))).toEqual(before);
  });

  test("when the disk fails before it is complete", async () => {
    await make();
    const files = observedFiles((operation) => {
      if (operation === "sync") throw Object.assign(new Error("disk gone"), { code: "EIO" });
    });
    expect(() => back({ files })).toThrow(
      expect.objectContaining({
        code: "STORAGE_UNAVAILABLE",
        message: `${file} cannot be written (EIO); nothing of it was kept`,
      }),
    );
    expect(existsSync(file)).toBe(false);
    expect(filesIn(folder.file("backups"))).toEqual({});
  });
});
