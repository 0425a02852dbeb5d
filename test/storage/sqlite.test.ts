import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { AppError } from "../../src/errors.ts";
import { openSqliteStorage, type SqliteStorageOptions } from "../../src/storage/sqlite.ts";
import { MIGRATIONS } from "../../src/storage/sqlite-migrations.ts";
import { type DatabaseWorker, startDatabaseWorker } from "../../src/storage/sqlite-thread.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { FakeClock } from "../support/fake-clock.ts";
import {
  batch,
  conversation,
  identity,
  joining,
  listOf,
  message,
  messages,
  watermark,
} from "../support/stored.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { faultyWorker, workerThatEndsAfterReplies } from "../support/writer-workers.ts";

let folder: TemporaryFolder;
let path: string;
let opened: Storage[];

beforeEach(() => {
  folder = new TemporaryFolder();
  path = folder.file("data/parley.db");
  opened = [];
});

afterEach(async () => {
  for (const storage of opened) await storage.close();
  folder[Symbol.dispose]();
});

async function open(options: Partial<SqliteStorageOptions> = {}): Promise<Storage> {
  const storage = await openSqliteStorage({ path, ...options });
  opened.push(storage);
  return storage;
}

async function failureOf(action: () => unknown): Promise<AppError> {
  try {
    await action();
  } catch (fault) {
    if (fault instanceof AppError) return fault;
    throw fault;
  }
  throw new Error("it did not fail");
}

const CHAT = batch({ conversations: [conversation()], messages: messages(2) });

describe("a database that is opened again", () => {
  test("has everything", async () => {
    const first = await open();
    await first.chat.commit(CHAT);
    await first.chat.commit(
      batch({
        watermarks: [watermark("bob", 2, 1)],
        users: [{ userId: "bob", name: "Bob", lastSeenMs: 7 }],
      }),
    );
    const before = first.chat.conversationsOf(listOf("bob"));
    await first.close();

    const second = await open();
    expect(second.chat.conversationsOf(listOf("bob"))).toEqual(before);
    expect(second.chat.history({ conversationId: "chat", limit: 10 })).toEqual(messages(2));
    expect(second.chat.users(["bob"])).toEqual([{ userId: "bob", name: "Bob", lastSeenMs: 7 }]);
    await second.chat.commit(batch({ messages: [message(3)] }));
    expect(second.chat.messageById("chat#3")).toEqual(message(3));
  });

  test("was left as one file, the lock's aside", async () => {
    const storage = await open();
    await storage.chat.commit(CHAT);
    await storage.close();
    expect(readdirSync(folder.file("data")).sort()).toEqual(["parley.db", "parley.db.lock"]);
  });
});

test("reads are answered at once", async () => {
  const { chat } = await open();
  await chat.commit(CHAT);
  expect(chat.messageById("chat#1")).toEqual(message(1));
  expect(chat.conversation("chat")).not.toBeInstanceOf(Promise);
});

test("commits that nobody waited for are done in their order", async () => {
  const { chat } = await open();
  const commits = [CHAT, ...messages(50, 3).map((each) => batch({ messages: [each] }))];
  await Promise.all(commits.map((each) => chat.commit(each)));
  expect(chat.history({ conversationId: "chat", limit: 100 })).toEqual(messages(52));
});

test("a refused commit says why to the log, and tells no SQL", async () => {
  const { chat } = await open();
  await chat.commit(CHAT);
  const failure = await failureOf(() => chat.commit(CHAT));
  expect(failure.message).toBe("The store has another message in its place; send again");
  expect(String(failure.cause)).toContain("SQLITE_CONSTRAINT_UNIQUE");
});

describe("a path that holds no database of this Parley is refused:", () => {
  const refusal = async () => {
    const { code, message } = await failureOf(() => open());
    expect(code).toBe("INVALID_CONFIGURATION");
    return message;
  };

  test("one that a newer Parley wrote, and it is left alone", async () => {
    await (await open()).close();
    const version = MIGRATIONS.length + 1;
    using db = new Database(path);
    db.run(`PRAGMA user_version = ${version}`);
    expect(await refusal()).toContain("newer Parley");
    expect(db.query("PRAGMA user_version").get()).toEqual({ user_version: version });
    db.run(`PRAGMA user_version = ${MIGRATIONS.length}`);
    await (await open()).chat.commit(CHAT);
  });

  test("a file of another kind", async () => {
    mkdirSync(folder.file("data"));
    writeFileSync(path, "this is a letter to my aunt, and not a database. ".repeat(100));
    expect(await refusal()).toContain("SQLITE_NOTADB");
  });

  test("a folder that cannot be made", async () => {
    writeFileSync(folder.file("data"), "");
    expect(await refusal()).toContain("cannot be made");
  });

  test("a folder", async () => {
    mkdirSync(path, { recursive: true });
    expect(await refusal()).toContain("cannot be opened");
  });
});

describe("a database that is being served", () => {
  test("is refused to a second store, and the first is unharmed", async () => {
    const first = await open();
    await first.chat.commit(CHAT);
    const failure = await failureOf(() => open());
    expect(failure.code).toBe("INVALID_CONFIGURATION");
    expect(failure.message).toContain("another Parley serves");

    await first.chat.commit(batch({ messages: [message(3)] }));
    expect(first.chat.history({ conversationId: "chat", limit: 10 })).toEqual(messages(3));
    await first.close();
    expect((await open()).chat.conversation("chat")).not.toBeNull();
  });

  test("is refused to another process, until the first one is killed", async () => {
    await using server = Bun.spawn({
      cmd: [process.execPath, `${import.meta.dir}/serve-until-killed.ts`, path],
      stdout: "pipe",
      stderr: "inherit",
    });
    const reader = server.stdout.getReader();
    const { value } = await reader.read();
    expect(new TextDecoder().decode(value)).toBe("serving\n");

    expect((await failureOf(() => open())).code).toBe("INVALID_CONFIGURATION");
    server.kill("SIGKILL");
    await server.exited;

    const { chat } = await open();
    expect(chat.history({ conversationId: "chat", limit: 10 })).toEqual(messages(2));
  });
});

describe("a writer whose thread ends", () => {
  let worker: DatabaseWorker | undefined;
  let clock: FakeClock;

  beforeEach(() => {
    clock = new FakeClock();
  });

  const startWorker = () => {
    worker = startDatabaseWorker("sqlite-writer");
    return worker;
  };
  const kill = async () => {
    const closed = new Promise<void>((resolve) =>
      worker?.addEventListener("close", () => resolve()),
    );
    worker?.terminate();
    await closed;
  };

  test("is replaced at the next commit", async () => {
    const { chat } = await open({ clock, startWorker });
    await chat.commit(CHAT);
    await kill();
    expect(chat.messageById("chat#2")).toEqual(message(2));
    await chat.commit(batch({ messages: [message(3)] }));
    expect(chat.messageById("chat#3")).toEqual(message(3));
  });

  test("is replaced no more than once a second", async () => {
    const { chat } = await open({ clock, startWorker });
    await kill();
    await chat.commit(CHAT);
    await kill();
    const next = batch({ messages: [message(3)] });
    expect((await failureOf(() => chat.commit(next))).code).toBe("STORAGE_UNAVAILABLE");
    clock.advance(1_000);
    await chat.commit(next);
    expect(chat.messageById("chat#3")).toEqual(message(3));
  });

  test("in a commit, leaves it wholly there or not at all, and tells which", async () => {
    const { chat } = await open({ clock, startWorker });
    await chat.commit(batch({ conversations: [conversation()] }));
    let nextSeq = 1;
    for (let round = 0; round < 12; round++) {
      clock.advance(1_000);
      const commit = chat.commit(batch({ messages: messages(400, nextSeq) }));
      // Ends the thread at another point of the commit in each round.
      for (let turn = 0; turn < round * 40; turn++) await new Promise(setImmediate);
      worker?.terminate();
      const outcome = await commit.then(
        () => "done",
        (fault: unknown) => (fault instanceof AppError ? fault.code : fault),
      );
      if (outcome === "done") nextSeq += 400;
      else expect(outcome).toBe("STORAGE_UNAVAILABLE");
      const kept = chat.history({ conversationId: "chat", limit: 100_000 });
      expect(kept).toHaveLength(nextSeq - 1);
    }
    clock.advance(1_000);
    await chat.commit(batch({ messages: [message(nextSeq)] }));
  });

  test("in a removal of old messages, leaves each message or what it was sent as", async () => {
    const { chat } = await open({ clock, startWorker });
    const count = 3_000;
    const sent = messages(count).map((each) => ({ ...each, clientMessageId: each.id }));
    await chat.commit(batch({ conversations: [conversation()], messages: sent }));
    const portion = { beforeMs: null, keepLast: 10, after: null, limit: 300 };
    const history = () => chat.history({ conversationId: "chat", limit: count });
    let ended = 0;
    for (let round = 0; (await history()).length > 10 && round < 200; round++) {
      clock.advance(1_000);
      const removal = chat.removeExpired(portion);
      // At another point of the removal in each round; in every other one it comes to its end.
      for (let turn = 0; turn < round * 5; turn++) await new Promise(setImmediate);
      if (round % 2 === 0) worker?.terminate();
      const outcome = await removal.then(
        () => "done",
        (fault: unknown) => (fault instanceof AppError ? fault.code : fault),
      );
      if (outcome !== "done") {
        expect(outcome).toBe("STORAGE_UNAVAILABLE");
        ended += 1;
      }
      const kept = await history();
      const firstKept = kept[0]?.seq ?? 0;
      expect(kept.map(({ seq }) => seq)).toEqual(
        Array.from({ length: count - firstKept + 1 }, (_, index) => firstKept + index),
      );
    }
    expect(ended).toBeGreaterThan(0);
    expect(await history()).toHaveLength(10);
    for (const each of sent) {
      expect(await chat.messageByClientId("alice", each.id)).toEqual(identity(each));
    }
  });

  test("after a commit but before its answer, has confirmed it all the same", async () => {
    const { chat } = await open({ clock, startWorker: () => workerThatEndsAfterReplies(2) });
    await chat.commit(CHAT);
    await chat.commit(batch({ messages: [message(3)] }));
    expect(chat.history({ conversationId: "chat", limit: 10 })).toEqual(messages(3));
  });

  for (const [change, parts] of Object.entries({
    "a conversation": { conversations: [conversation("other")] },
    "a new member": { addedMembers: [joining("carol", 2)] },
    "a removed member": { removedMembers: [{ conversationId: "chat", userId: "bob" }] },
  })) {
    test(`after a commit with ${change} alone but before its answer, has confirmed it`, async () => {
      const { chat } = await open({ clock, startWorker: () => workerThatEndsAfterReplies(2) });
      await chat.commit(CHAT);
      await chat.commit(batch(parts));
    });
  }

  test("by a fault of its own is replaced likewise", async () => {
    let isBroken = false;
    const { chat } = await open({
      clock,
      startWorker: () => (isBroken ? faultyWorker() : startWorker()),
    });
    await chat.commit(batch({ conversations: [conversation()] }));
    await kill();
    isBroken = true;
    const failure = await failureOf(() => chat.commit(CHAT));
    expect(failure.code).toBe("STORAGE_UNAVAILABLE");
    expect(failure.message).toBe("the store's writer does not start again");

    isBroken = false;
    clock.advance(1_000);
    await chat.commit(batch({ messages: messages(2) }));
    expect(chat.history({ conversationId: "chat", limit: 10 })).toEqual(messages(2));
  });

  test("does not keep the store from closing", async () => {
    const storage = await open({ clock, startWorker });
    await storage.chat.commit(CHAT);
    await kill();
    await storage.close();
    expect((await open()).chat.messageById("chat#2")).toEqual(message(2));
  });
});

describe("a commit that cannot be written", () => {
  test("because the database is locked is refused, and the next one succeeds", async () => {
    const { chat } = await open({ busyTimeoutMs: 1 });
    using other = new Database(path);
    other.run("BEGIN IMMEDIATE");
    expect((await failureOf(() => chat.commit(CHAT))).code).toBe("STORAGE_UNAVAILABLE");
    expect((await failureOf(() => chat.probe())).code).toBe("STORAGE_UNAVAILABLE");
    expect(chat.conversation("chat")).toBeNull();
    other.run("ROLLBACK");
    await chat.probe();
    await chat.commit(CHAT);
    expect(chat.history({ conversationId: "chat", limit: 10 })).toEqual(messages(2));
  });

  test("because it holds nothing that a row may be leaves the store usable", async () => {
    const { chat } = await open();
    await chat.commit(CHAT);
    const wrong = message(3, { seq: 3.5 });
    const failure = await failureOf(() => chat.commit(batch({ messages: [wrong] })));
    expect(failure.code).toBe("STORAGE_UNAVAILABLE");
    await chat.commit(batch({ messages: [message(3)] }));
  });
});

test("a database that fails to open leaves neither lock nor thread behind", async () => {
  mkdirSync(folder.file("data"));
  writeFileSync(path, "x".repeat(10_000));
  await failureOf(() => open());
  writeFileSync(path, "");
  await (await open()).chat.commit(CHAT);
  expect(existsSync(path)).toBe(true);
});
