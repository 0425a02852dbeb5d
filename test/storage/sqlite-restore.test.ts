import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { diskFiles } from "../../src/storage/file-operations.ts";
import { openSqliteStorage } from "../../src/storage/sqlite.ts";
import { backUp } from "../../src/storage/sqlite-backup.ts";
import { MIGRATIONS } from "../../src/storage/sqlite-migrations.ts";
import { type RestoreOptions, restore } from "../../src/storage/sqlite-restore.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { copyAsAfterCrash, corruptMiddlePage, tamper } from "../support/database-files.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { filesWithoutLinks } from "../support/faulty-files.ts";
import { filesIn } from "../support/folder-contents.ts";
import { RecordedLog } from "../support/recorded-log.ts";
import { refusalOf } from "../support/refusal.ts";
import { batch, conversation, message, messages } from "../support/stored.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const KEPT = ".before-restore-20260102T030405.678Z";

let folder: TemporaryFolder;
let path: string;
let file: string;

beforeEach(() => {
  folder = new TemporaryFolder();
  path = folder.file("data/parley.db");
  file = folder.file("night.db");
});

afterEach(() => {
  folder[Symbol.dispose]();
});

async function serve(count: number, at = path): Promise<Storage> {
  const storage = await openSqliteStorage({ path: at });
  await storage.chat.commit(batch({ conversations: [conversation()], messages: messages(count) }));
  return storage;
}

/** A database as somebody copied it who knows no backup; those have a checksum. */
async function makeCopy(count = 3): Promise<void> {
  await (await serve(count, file)).close();
  diskFiles.remove(`${file}.lock`);
}

/** A backup of `count` messages, of a database that is elsewhere. */
async function makeBackup(count = 3): Promise<void> {
  const source = folder.file("elsewhere/parley.db");
  await (await serve(count, source)).close();
  backUp({
    ...{ path: source, file, overwrite: true },
    ...{ files: diskFiles, clock: new FakeClock() },
  });
}

function bring(options: Partial<RestoreOptions> = {}) {
  return restore({ path, file, files: diskFiles, clock: new FakeClock(NOW), ...options });
}

async function messagesIn(at = path): Promise<number> {
  const storage = await openSqliteStorage({ path: at });
  const kept = await storage.chat.history({ conversationId: "chat", limit: 10_000 });
  expect(kept).toEqual(messages(kept.length));
  await storage.close();
  return kept.length;
}

describe("a restore", () => {
  test("makes the database where there is none", async () => {
    await makeBackup();
    expect(bring()).toEqual({
      ...{ path, keptAs: null, bytes: statSync(path).size, tookMs: 0 },
      ...{ conversations: 1, messages: 3, warnings: [] },
    });
    expect(readdirSync(folder.file("data")).sort()).toEqual(["parley.db", "parley.db.lock"]);
    expect(await messagesIn()).toBe(3);
  });

  test("keeps the former database aside, which can be restored as well", async () => {
    await makeBackup(3);
    await (await serve(7)).close();
    expect(bring().keptAs).toBe(path + KEPT);
    expect(await messagesIn()).toBe(3);
    bring({ file: path + KEPT, clock: new FakeClock(NOW + 1_000) });
    expect(await messagesIn()).toBe(7);
  });

  test("keeps all of several former ones", async () => {
    await makeBackup();
    for (const count of [4, 5]) {
      diskFiles.remove(path);
      await (await serve(count)).close();
      bring();
    }
    expect(await messagesIn(path + KEPT)).toBe(4);
    expect(await messagesIn(path + KEPT.replace("678", "679"))).toBe(5);
  });

  test("keeps what a crash left in the former one's log", async () => {
    await makeBackup();
    const served = folder.file("served.db");
    const storage = await serve(7, served);
    mkdirSync(folder.file("data"));
    copyAsAfterCrash(served, path);
    await storage.close();
    bring();
    expect(readdirSync(folder.file("data")).sort()).toEqual(
      ["parley.db", `parley.db${KEPT}`, "parley.db.lock"].sort(),
    );
    expect(await messagesIn()).toBe(3);
    expect(await messagesIn(path + KEPT)).toBe(7);
  });

  test.each([
    ["is broken", () => corruptMiddlePage(path)],
    ["is cut off", () => truncateSync(path, 10_000)],
    ["is something else", () => writeFileSync(path, "this is a letter. ".repeat(1_000))],
    ["is empty", () => writeFileSync(path, "")],
  ])("works when the former database %s, and keeps that", async (_, damage) => {
    await makeBackup();
    await (await serve(1_000)).close();
    damage();
    const former = statSync(path).size;
    bring();
    expect(await messagesIn()).toBe(3);
    expect(statSync(path + KEPT).size).toBe(former);
  });

  test("takes a database that was copied with its log", async () => {
    const served = folder.file("served.db");
    const storage = await serve(3, served);
    copyAsAfterCrash(served, file);
    await storage.close();
    const before = [readFileSync(file), readFileSync(`${file}-wal`)];
    bring();
    expect([readFileSync(file), readFileSync(`${file}-wal`)]).toEqual(before);
    expect(await messagesIn()).toBe(3);
  });

  test("takes one of version 1, which the next start brings up to date", async () => {
    {
      using db = new Database(file, { create: true, readwrite: true });
      db.run(MIGRATIONS[0] ?? "");
      db.run("PRAGMA user_version = 1");
    }
    bring();
    await (await serve(1)).close();
    using db = new Database(path, { readonly: true });
    expect(db.query("PRAGMA user_version").get()).toEqual({ user_version: MIGRATIONS.length });
  });

  test("gives the database the rights of the former one, and can be written in any case", async () => {
    await makeBackup();
    chmodSync(file, 0o400);
    bring();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    chmodSync(path, 0o660);
    bring();
    expect(statSync(path).mode & 0o777).toBe(0o660);
  });

  test("is not needed where a backup was simply put in place of a database", async () => {
    await makeBackup(3);
    mkdirSync(folder.file("data"));
    diskFiles.copy(file, path);
    const storage = await openSqliteStorage({ path });
    await storage.chat.commit(batch({ messages: [message(4)] }));
    await storage.close();
    // Without the checksum, which it would contradict.
    const copy = folder.file("copy.db");
    diskFiles.copy(path, copy);
    bring({ file: copy });
    expect(await messagesIn()).toBe(4);
  });

  test("works where there are no hard links", async () => {
    await makeBackup();
    await (await serve(7)).close();
    bring({ files: filesWithoutLinks });
    expect(await messagesIn()).toBe(3);
    expect(await messagesIn(path + KEPT)).toBe(7);
  });

  test("says what the backup lacks", async () => {
    await makeCopy();
    tamper(file, "DELETE FROM messages WHERE seq = 2");
    expect(bring().warnings).toEqual(['1 messages are missing in 1 conversations, such as "chat"']);
  });

  test("that was interrupted after its decision is finished by the next start, which says so", async () => {
    await makeBackup(3);
    await (await serve(7)).close();
    diskFiles.copy(file, `${path}.restore-ready-20260102T030405.678Z`);
    const log = new RecordedLog();
    const storage = await openSqliteStorage({ path, log });
    expect(log.lines[0]).toEqual({
      ...{ level: "warn", message: "an interrupted restore was finished" },
      fields: { keptAs: path + KEPT },
    });
    expect(await storage.chat.conversation("chat")).toMatchObject({ lastSeq: 3 });
    await storage.close();
    expect(await messagesIn(path + KEPT)).toBe(7);
  });
});

describe("a restore is refused, and nothing changes,", () => {
  const refusals: readonly (readonly [string, () => unknown, string, string])[] = [
    ["without the file", () => diskFiles.remove(file), "INVALID_CONFIGURATION", "there is no file"],
    [
      "of a file of another kind",
      () => writeFileSync(file, "this is a letter. ".repeat(1_000)),
      "INVALID_CONFIGURATION",
      "is not a database of Parley",
    ],
    [
      "of an empty file",
      () => writeFileSync(file, ""),
      "INVALID_CONFIGURATION",
      "is not a database",
    ],
    [
      "of another program's database",
      () => {
        diskFiles.remove(file);
        using db = new Database(file, { create: true, readwrite: true });
        db.run("CREATE TABLE moz_places (id INTEGER PRIMARY KEY, url TEXT)");
      },
      "INVALID_CONFIGURATION",
      "is not a database of Parley",
    ],
    [
      "of another program's database that happens to have our version",
      () => {
        diskFiles.remove(file);
        using db = new Database(file, { create: true, readwrite: true });
        db.run("CREATE TABLE moz_places (id INTEGER PRIMARY KEY, url TEXT)");
        db.run("PRAGMA user_version = 1");
      },
      "DATABASE_DAMAGED",
      "is missing or is not Parley's",
    ],
    [
      "of a database that a newer Parley wrote",
      () => tamper(file, `PRAGMA user_version = ${MIGRATIONS.length + 1}`),
      "INVALID_CONFIGURATION",
      "was written by a newer Parley",
    ],
    [
      "of one with a page that is none",
      () => corruptMiddlePage(file),
      "DATABASE_DAMAGED",
      "damaged",
    ],
    [
      "of one that is cut off",
      () => truncateSync(file, statSync(file).size - 4_096),
      "DATABASE_DAMAGED",
      "damaged",
    ],
    [
      "of one whose rows belong to nothing",
      () => tamper(file, "DELETE FROM conversations"),
      "DATABASE_DAMAGED",
      "rows of m",
    ],
  ];

  test.each(refusals)("%s", async (_, prepare, code, message) => {
    await makeCopy(1_000);
    await (await serve(7)).close();
    prepare();
    const before = filesIn(folder.file("data"));
    expect(() => bring()).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
    expect(filesIn(folder.file("data"))).toEqual(before);
    expect(await messagesIn()).toBe(7);
  });

  test("of a backup in which one bit has changed, wherever", async () => {
    await makeBackup(100);
    await (await serve(7)).close();
    const before = filesIn(folder.file("data"));
    const sound = readFileSync(file);
    const STEP = 997;
    const inPages = Math.floor(sound.length / 4_096) * 4_096;
    const isLooked = (offset: number) => offset % STEP === 0 || offset >= inPages;
    for (let offset = 0; offset < sound.length; offset += 1) {
      if (!isLooked(offset)) continue;
      const bytes = Buffer.from(sound);
      bytes.writeUInt8(sound.readUInt8(offset) ^ (1 << (offset % 8)), offset);
      writeFileSync(file, bytes);
      expect([offset, await refusalOf(() => bring())]).toEqual([
        offset,
        // The first bytes say what kind of file it is.
        offset < 16 ? "INVALID_CONFIGURATION" : "DATABASE_DAMAGED",
      ]);
    }
    expect(filesIn(folder.file("data"))).toEqual(before);
  });

  test("of a backup whose end is gone", async () => {
    await makeBackup(100);
    const sound = readFileSync(file);
    for (const cut of [200, 4_096, 5_000, sound.length / 2]) {
      writeFileSync(file, sound.subarray(0, sound.length - cut));
      expect([cut, await refusalOf(() => bring())]).toEqual([cut, "DATABASE_DAMAGED"]);
    }
  });

  test("while a server has the database", async () => {
    await makeBackup();
    const storage = await serve(7);
    expect(() => bring()).toThrow("another Parley serves the database");
    await storage.chat.commit(batch({ messages: [message(8)] }));
    await storage.close();
    expect(await messagesIn()).toBe(8);
  });

  test("while another program has the database open", async () => {
    await makeBackup();
    await (await serve(7)).close();
    {
      // It has begun to use the log, and would remove it at its end.
      using other = new Database(path, { readwrite: true });
      other.query("SELECT count(*) FROM messages").get();
      expect(() => bring()).toThrow("another program has the database");
    }
    expect(await messagesIn()).toBe(7);
    bring();
    expect(await messagesIn()).toBe(3);
  });

  test("of a database that a server has", async () => {
    const storage = await serve(3, file);
    expect(() => bring()).toThrow("is being served: make a backup of it instead");
    await storage.close();
    expect(existsSync(path)).toBe(false);
    bring();
    expect(await messagesIn()).toBe(3);
  });

  test("of the database itself", async () => {
    await (await serve(7)).close();
    const before = readFileSync(path);
    expect(() => bring({ file: path })).toThrow("is the database itself");
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test("into a folder that cannot be made", async () => {
    await makeBackup();
    writeFileSync(folder.file("data"), "");
    expect(() => bring()).toThrow("cannot be made");
  });
});
