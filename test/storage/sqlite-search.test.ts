import { Database } from "bun:sqlite";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { diskFiles } from "../../src/storage/file-operations.ts";
import { openSqliteStorage } from "../../src/storage/sqlite.ts";
import { backUp } from "../../src/storage/sqlite-backup.ts";
import { MIGRATIONS, migrate } from "../../src/storage/sqlite-migrations.ts";
import { restore } from "../../src/storage/sqlite-restore.ts";
import { SearchIndexing } from "../../src/storage/sqlite-search-indexing.ts";
import { markOf } from "../../src/storage/sqlite-search-tokens.ts";
import { type DatabaseWorker, startDatabaseWorker } from "../../src/storage/sqlite-thread.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { tamper } from "../support/database-files.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { writeOldChat } from "../support/old-database.ts";
import { RecordedLog } from "../support/recorded-log.ts";
import { refusalOf } from "../support/refusal.ts";
import { idsFound, idsFoundAtLast, searchQuery } from "../support/search-queries.ts";
import { batch, conversation, message, messages } from "../support/stored.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

let folder: TemporaryFolder;
let path: string;

beforeEach(() => {
  folder = new TemporaryFolder();
  path = folder.file("parley.db");
});

afterEach(() => {
  folder[Symbol.dispose]();
});

/** Opens the database, with three messages in it, all found. */
async function serve(): Promise<Storage> {
  const storage = await openSqliteStorage({ path });
  await storage.chat.commit(batch({ conversations: [conversation()], messages: messages(3) }));
  expect(await found(storage, "3")).toEqual(["chat#3"]);
  return storage;
}

function found({ search }: Storage, text: string): Promise<string[]> {
  return idsFoundAtLast(search, searchQuery(text));
}

test("what a server did not come to index is found by the next one", async () => {
  const storage = await openSqliteStorage({ path, clock: new FakeClock() });
  await storage.chat.commit(batch({ conversations: [conversation()], messages: messages(3) }));
  await storage.close();
  const next = await openSqliteStorage({ path });
  expect(await found(next, "message 2")).toEqual(["chat#2"]);
  await next.close();
});

test("the messages of a database that knew no search are found", async () => {
  using db = new Database(path, { create: true });
  migrate(db, MIGRATIONS.slice(0, 8));
  writeOldChat(db, messages(200));
  db.close();
  const storage = await openSqliteStorage({ path });
  expect(await found(storage, "message 200")).toEqual(["chat#200"]);
  expect(await idsFound(storage.search, searchQuery('"message 1"'))).toEqual(["chat#1"]);
  await storage.close();
});

test("where rows have other numbers than they had, the index is made anew", async () => {
  await (await serve()).close();
  tamper(path, "UPDATE messages SET rowid = 30 - rowid");
  const storage = await openSqliteStorage({ path });
  expect(await found(storage, "message 1")).toEqual(["chat#1"]);
  expect(await found(storage, "message")).toEqual(["chat#1", "chat#2", "chat#3"]);
  await storage.close();
});

test("a backup holds the index, and what it was put back over is not found", async () => {
  const storage = await serve();
  const file = folder.file("night.db");
  backUp({ path, file, overwrite: false, files: diskFiles, clock: new FakeClock() });
  await storage.chat.commit(batch({ messages: [message(4)] }));
  expect(await found(storage, "4")).toEqual(["chat#4"]);
  await storage.close();
  restore({ path, file, files: diskFiles, clock: new FakeClock() });
  const restored = await openSqliteStorage({ path, clock: new FakeClock() });
  expect(await idsFound(restored.search, searchQuery("message"))).toEqual([
    ...["chat#3", "chat#2", "chat#1"],
  ]);
  await restored.close();
});

test("a thread that has ended is replaced by the next search", async () => {
  const workers: DatabaseWorker[] = [];
  const ended: Promise<void>[] = [];
  const startSearcher = () => {
    const worker = startDatabaseWorker("sqlite-searcher");
    workers.push(worker);
    ended.push(new Promise((resolve) => worker.addEventListener("close", () => resolve())));
    return worker;
  };
  const storage = await openSqliteStorage({ path, startSearcher });
  await storage.chat.commit(batch({ conversations: [conversation()], messages: messages(3) }));
  await found(storage, "3");
  const underWay = refusalOf(() => storage.search.search(searchQuery("3")));
  workers[0]?.terminate();
  expect(await underWay).toBe("STORAGE_UNAVAILABLE");
  expect(await idsFound(storage.search, searchQuery("3"))).toEqual(["chat#3"]);
  workers[1]?.terminate();
  await ended[1];
  expect(await idsFound(storage.search, searchQuery("3"))).toEqual(["chat#3"]);
  await storage.close();
});

test("closing waits for the search under way, and for none that has not begun", async () => {
  const storage = await serve();
  const searches = Array.from({ length: 50 }, () =>
    refusalOf(() => storage.search.search(searchQuery("message"))),
  );
  await storage.close();
  const outcomes = await Promise.all(searches);
  expect(outcomes.filter((outcome) => outcome === "STORAGE_UNAVAILABLE").length).toBeGreaterThan(
    40,
  );
});

test("what was erased keeps nothing new waiting", async () => {
  const storage = await serve();
  const many = Array.from({ length: 200 }, (_, at) => message(at + 4, { content: "straw" }));
  await storage.chat.commit(batch({ messages: many }));
  await found(storage, "straw");
  while ((await idsFound(storage.search, searchQuery("straw", { limit: 200 }))).length < 200) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  const erasures = many.map(({ id }) => ({ kind: "delete", messageId: id, deletedMs: 5 }) as const);
  await storage.chat.commit(batch({ messageChanges: erasures }));
  expect(await idsFound(storage.search, searchQuery("straw"))).toEqual([]);
  using db = new Database(path, { readonly: true });
  expect(db.query("SELECT count(*) AS count FROM search_pending").get()).toEqual({ count: 0 });
  await storage.close();
});

test("others' conversations that look alike in the index are told apart", async () => {
  const storage = await serve();
  const rooms = Array.from({ length: 600 }, (_, at) => `room-${at}`);
  const marks = new Set(rooms.map(markOf));
  const alike = Array.from({ length: 10_000 }, (_, at) => `other-${at}`).filter((id) =>
    marks.has(markOf(id)),
  );
  expect(alike).not.toEqual([]);
  const said = [...alike, ...rooms.slice(0, 2), ...alike.map((id) => `${id} too`)];
  await storage.chat.commit(
    batch({
      conversations: [
        ...rooms.map((id) => conversation(id)),
        ...said.filter((id) => !rooms.includes(id)).map((id) => conversation(id, ["carol"])),
      ],
      messages: said.map((conversationId) =>
        message(1, { conversationId, content: `needle of ${conversationId}` }),
      ),
    }),
  );
  const last = searchQuery(`"of ${said.at(-1)}"`, { userId: "carol" });
  await idsFoundAtLast(storage.search, last);
  expect(await found(storage, "needle")).toEqual(["room-1#1", "room-0#1"]);
  await storage.close();
});

test("the thread is there while it is used, and a minute longer", async () => {
  const clock = new FakeClock();
  const ended: Promise<void>[] = [];
  const startSearcher = () => {
    const worker = startDatabaseWorker("sqlite-searcher");
    ended.push(new Promise((resolve) => worker.addEventListener("close", () => resolve())));
    return worker;
  };
  const storage = await openSqliteStorage({ path, clock, startSearcher });
  const search = () => idsFound(storage.search, searchQuery("anything"));
  await search();
  clock.advance(59_000);
  await search();
  expect(ended).toHaveLength(1);
  clock.advance(60_000);
  await ended[0];
  await search();
  expect(ended).toHaveLength(2);
  await storage.close();
});

test("indexing goes on when it has failed, and says so once", async () => {
  const clock = new FakeClock();
  const log = new RecordedLog();
  let asked = 0;
  let isFailing = true;
  const index = async () => {
    asked += 1;
    if (isFailing) throw new Error("no room");
    return asked < 7;
  };
  const indexing = new SearchIndexing({ index }, clock, log);
  indexing.due();
  indexing.due();
  expect(asked).toBe(0);
  const pass = async (ms: number) => {
    clock.advance(ms);
    await Promise.resolve().then(() => {});
    await new Promise((resolve) => setImmediate(resolve));
  };
  await pass(100);
  expect(asked).toBe(1);
  expect(log.texts).toEqual([]);
  await pass(5_000);
  expect(asked).toBe(2);
  await pass(5_000);
  expect(asked).toBe(3);
  expect(log.texts).toEqual(["warn: New messages are not indexed for now"]);
  isFailing = false;
  await pass(5_000);
  for (let portion = 0; portion < 10; portion += 1) await pass(50);
  expect(asked).toBe(7);
  indexing.due();
  indexing.stop();
  await pass(60_000);
  expect(asked).toBe(7);
});
