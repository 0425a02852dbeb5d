import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { openSqliteStorage, type SqliteStorageOptions } from "../../src/storage/sqlite.ts";
import { lockDatabase } from "../../src/storage/sqlite-lock.ts";
import { type DatabaseWorker, startDatabaseWorker } from "../../src/storage/sqlite-thread.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { copyAsAfterCrash, corruptMiddlePage, tamper } from "../support/database-files.ts";
import { RecordedLog } from "../support/recorded-log.ts";
import { refusalOf } from "../support/refusal.ts";
import { batch, conversation, message, messages, watermark } from "../support/stored.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

let folder: TemporaryFolder;
let path: string;
let log: RecordedLog;
let opened: Storage[];

beforeEach(() => {
  folder = new TemporaryFolder();
  path = folder.file("parley.db");
  log = new RecordedLog();
  opened = [];
});

afterEach(async () => {
  for (const storage of opened) await storage.close();
  folder[Symbol.dispose]();
});

async function open(options: Partial<SqliteStorageOptions> = {}): Promise<Storage> {
  const storage = await openSqliteStorage({ path, log, ...options });
  opened.push(storage);
  return storage;
}

/** A database with `count` messages of one conversation and one without any, closed in order. */
async function make(count = 3): Promise<void> {
  const storage = await openSqliteStorage({ path });
  await storage.chat.commit(
    batch({
      conversations: [conversation(), conversation("silent")],
      messages: messages(count),
      watermarks: [watermark("bob", count, count - 1)],
    }),
  );
  await storage.close();
}

/** The same as a crash leaves it: the messages are in the log alone. */
async function makeAsAfterCrash(count = 3): Promise<void> {
  const served = folder.file("served.db");
  const storage = await openSqliteStorage({ path: served });
  await storage.chat.commit(batch({ conversations: [conversation()], messages: messages(count) }));
  copyAsAfterCrash(served, path);
  await storage.close();
}

describe("a start says what it found:", () => {
  test("nothing", async () => {
    await open();
    expect(log.texts).toEqual(["info: a new database was made"]);
  });

  test("a database that was closed in order", async () => {
    await make();
    await open();
    expect(log.texts).toEqual([
      "info: the database was closed in order, checked 2 conversations, 3 messages in N ms",
    ]);
  });

  test("what a crash left in the log, which is there again", async () => {
    await makeAsAfterCrash();
    const { chat } = await open();
    expect(chat.history({ conversationId: "chat", limit: 10 })).toEqual(messages(3));
    const [line, ...others] = log.lines;
    expect(others).toEqual([]);
    expect(line).toMatchObject({ level: "warn", fields: { conversations: 1, messages: 3 } });
    expect(line?.message).toMatch(
      /^recovered \d+ bytes of write-ahead log after a crash, checked 1 conversations, 3 messages in \d+ ms$/,
    );
  });

  test("of the log only what was committed counts", async () => {
    await makeAsAfterCrash();
    const logBytes = statSync(`${path}-wal`).size;
    appendFileSync(`${path}-wal`, Buffer.alloc(10_000, 0x55));
    await open();
    const FILE_HEADER_BYTES = 32;
    expect(log.lines[0]?.fields.recoveredBytes).toBe(logBytes - FILE_HEADER_BYTES);
  });

  test("a database that is not to be checked", async () => {
    await make();
    await open({ check: "never" });
    expect(log.texts).toEqual(["info: the database was closed in order, not checked"]);
  });

  test("and neither says nor verifies it anew when its writer is replaced", async () => {
    let worker: DatabaseWorker | undefined;
    const startWorker = () => {
      worker = startDatabaseWorker("sqlite-writer");
      return worker;
    };
    const { chat } = await open({ startWorker });
    const conversations = [conversation(), conversation("silent")];
    await chat.commit(batch({ conversations, messages: messages(1) }));
    tamper(path, "DELETE FROM conversations WHERE id = 'silent'");
    const ended = new Promise<void>((done) => worker?.addEventListener("close", () => done()));
    worker?.terminate();
    await ended;
    await chat.commit(batch({ messages: [message(2)] }));
    expect(log.texts).toEqual([
      "info: a new database was made",
      "warn: the store's writer has ended and is started anew",
    ]);
  });
});

describe("a start mends", () => {
  test("a last seq that is behind the newest message", async () => {
    await make();
    tamper(path, "UPDATE conversations SET last_seq = 1, last_message_ms = 1 WHERE id = 'chat'");
    const { chat } = await open();
    expect(log.texts).toEqual([
      "warn: the database was closed in order, checked 2 conversations, 3 messages in N ms, mended the last seq of 1 conversations",
    ]);
    expect(await chat.conversation("chat")).toMatchObject({ lastSeq: 3 });
    await chat.commit(batch({ messages: [message(4)] }));
    expect(await chat.conversation("chat")).toMatchObject({ lastSeq: 4 });
  });

  test("watermarks outside of the conversation, and no others", async () => {
    await make();
    tamper(
      path,
      "UPDATE members SET delivered_seq = 99, read_seq = -1 WHERE conversation_id = 'chat' AND user_id = 'alice'",
      "UPDATE members SET read_seq = 1 WHERE conversation_id = 'silent' AND user_id = 'bob'",
    );
    const { chat } = await open();
    expect(log.texts).toEqual([
      "warn: the database was closed in order, checked 2 conversations, 3 messages in N ms, mended the watermarks of 2 members",
    ]);
    expect((await chat.conversation("chat"))?.members).toMatchObject([
      { userId: "alice", deliveredSeq: 3, readSeq: 0 },
      { userId: "bob", deliveredSeq: 3, readSeq: 2 },
    ]);
    expect((await chat.conversation("silent"))?.members).toMatchObject([
      { readSeq: 0 },
      { readSeq: 0 },
    ]);
  });

  test("watermarks that only a lagging last seq makes look wrong are left", async () => {
    await make();
    tamper(path, "UPDATE conversations SET last_seq = 1 WHERE id = 'chat'");
    const { chat } = await open();
    expect((await chat.conversation("chat"))?.members).toMatchObject([
      { userId: "alice", deliveredSeq: 0 },
      { userId: "bob", deliveredSeq: 3, readSeq: 2 },
    ]);
  });
});

describe("a start accepts", () => {
  test("conversations whose oldest messages, or all, were removed", async () => {
    await make(5);
    tamper(
      path,
      "DELETE FROM messages WHERE seq <= 3",
      "UPDATE conversations SET last_seq = 7 WHERE id = 'silent'",
      "UPDATE members SET read_seq = 7, delivered_seq = 7 WHERE conversation_id = 'silent'",
    );
    const { chat } = await open();
    expect(log.texts).toEqual([
      "info: the database was closed in order, checked 2 conversations, 2 messages in N ms",
    ]);
    expect(await chat.conversation("silent")).toMatchObject({ lastSeq: 7 });
    expect((await chat.conversation("silent"))?.members[0]).toMatchObject({ readSeq: 7 });
  });

  test.each([
    ["in the middle", "DELETE FROM messages WHERE seq IN (2, 3)", 2],
    ["at the top", "DELETE FROM messages WHERE seq = 5", 1],
  ])("messages that are missing %s, and says so loudly", async (_, removal, count) => {
    await make(5);
    tamper(path, removal);
    const { chat } = await open();
    expect(log.texts[1]).toBe(
      `error: the database is served although ${count} messages are missing in 1 conversations, such as "chat"`,
    );
    expect(await chat.conversation("chat")).toMatchObject({ lastSeq: 5 });
  });
});

describe("a start refuses", () => {
  const damages = [
    ["a page that is none", () => corruptMiddlePage(path)],
    ["half of a file", () => truncateSync(path, Math.floor(statSync(path).size / 8192) * 4096)],
    ["an index that is gone", () => tamper(path, "DROP INDEX messages_by_client_id")],
    ["members without a conversation", () => tamper(path, "DELETE FROM conversations")],
    [
      "a log whose database is gone",
      () => {
        renameSync(path, folder.file("elsewhere.db"));
        writeFileSync(`${path}-wal`, Buffer.alloc(100));
      },
    ],
  ] as const;

  test.each(damages)("%s, and names the remedy", async (_, damage) => {
    await make(1_000);
    damage();
    const failure: unknown = await open().catch((fault: unknown) => fault);
    expect(failure).toMatchObject({ code: "DATABASE_DAMAGED" });
    expect(String(failure)).toContain(`the database ${path} is damaged: `);
    expect(String(failure)).toContain("parley restore FILE puts a backup in its place");
    expect(log.lines).toEqual([]);
  });

  test("what is damaged as often as it is tried, and changes nothing of it", async () => {
    const served = folder.file("served.db");
    await make();
    tamper(path, "DELETE FROM conversations WHERE id = 'silent'");
    renameSync(path, served);
    const storage = await openSqliteStorage({ path: served, check: "never" });
    await storage.chat.commit(batch({ messages: [message(4)] }));
    copyAsAfterCrash(served, path);
    await storage.close();

    const before = readFileSync(path);
    const logBefore = readFileSync(`${path}-wal`);
    for (let attempt = 0; attempt < 3; attempt++) {
      expect(await refusalOf(() => open())).toBe("DATABASE_DAMAGED");
      expect(readFileSync(path).equals(before)).toBe(true);
      expect(readFileSync(`${path}-wal`).equals(logBefore)).toBe(true);
    }
  });
});

describe("a large database", () => {
  const damage = "DELETE FROM conversations WHERE id = 'silent'";

  async function makeLarge(): Promise<void> {
    await make();
    const storage = await openSqliteStorage({ path });
    const content = "x".repeat(33 * 1024 * 1024);
    await storage.chat.commit(batch({ messages: [message(4, { content })] }));
    await storage.close();
  }

  test("is checked after a crash, or always, but not after it was closed in order", async () => {
    await makeLarge();
    tamper(path, damage);
    await (await open()).close();
    expect(log.texts).toEqual(["info: the database was closed in order, not checked"]);
    expect(await refusalOf(() => open({ check: "always" }))).toBe("DATABASE_DAMAGED");

    const storage = await openSqliteStorage({ path });
    await storage.chat.commit(batch({ messages: [message(5)] }));
    const image = folder.file("image.db");
    copyAsAfterCrash(path, image);
    await storage.close();
    expect(await refusalOf(() => open({ path: image }))).toBe("DATABASE_DAMAGED");
    await open({ path: image, check: "never" });
  });
});

describe("what interrupted backups and restores left", () => {
  const LEFTOVERS = [
    "parley.db.restore-partial",
    "parley.db.restore-partial-wal",
    "night.db.backup-partial",
    "night.db.backup-partial-journal",
    "night.db.backup-partial.lock",
  ];

  test("is removed, and nothing else", async () => {
    await make();
    const others = ["night.db", "parley.db.before-restore-20260101T000000.000Z", "backup-partial"];
    for (const name of [...LEFTOVERS, ...others]) writeFileSync(folder.file(name), "");
    await (await open()).close();
    expect(readdirSync(folder.path).sort()).toEqual(
      [...others, "parley.db", "parley.db.lock"].sort(),
    );
  });

  test("stays while a backup is being made", async () => {
    await make();
    const partial = folder.file("night.db.backup-partial");
    writeFileSync(partial, "half");
    const lock = lockDatabase(partial);
    await (await open()).close();
    expect(existsSync(partial)).toBe(true);
    lock.release();
    await (await open()).close();
    expect(existsSync(partial)).toBe(false);
  });
});
