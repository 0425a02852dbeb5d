import { afterEach, expect, test } from "bun:test";
import { openSqliteStorage } from "../../src/storage/sqlite.ts";
import { type DatabaseWorker, startDatabaseWorker } from "../../src/storage/sqlite-thread.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { refusalOf } from "../support/refusal.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { workerThatEndsAfterReplies } from "../support/writer-workers.ts";

const opened: { storage: Storage; folder: TemporaryFolder }[] = [];
afterEach(async () => {
  for (const { storage, folder } of opened.splice(0)) {
    await storage.close();
    folder[Symbol.dispose]();
  }
});

async function open(startWorker: () => DatabaseWorker): Promise<Storage> {
  const folder = new TemporaryFolder();
  const storage = await openSqliteStorage({ path: folder.file("parley.db"), startWorker });
  opened.push({ storage, folder });
  return storage;
}

test("changes that come at once, or while others are written, are committed together", async () => {
  let replies = 0;
  const { blocks } = await open(() => {
    const worker = startDatabaseWorker("sqlite-writer");
    worker.addEventListener("message", () => {
      replies += 1;
    });
    return worker;
  });
  const openings = replies;
  const put = (n: number) => blocks.put({ blockerId: "alice", blockedId: `u${n}` }, true);
  const [first, ...others] = Array.from({ length: 50 }, (_, n) => put(n));
  await Promise.resolve(); // The first batch is on its way.
  const later = Array.from({ length: 50 }, (_, n) => put(50 + n));
  await Promise.all([first, ...others, ...later]);
  expect(replies - openings).toBe(2);
  expect(await blocks.all()).toHaveLength(100);
});

test("whether a writer that ended had written them is told for all of them", async () => {
  const storage = await open(() => workerThatEndsAfterReplies(1));
  const block = { blockerId: "alice", blockedId: "bob" };
  const puts = [true, false, true].map((isBlocked) => storage.blocks.put(block, isBlocked));
  puts.push(storage.blocks.put({ blockerId: "alice", blockedId: "carol" }, true));
  expect(await refusalOf(() => Promise.all(puts))).toBe("not refused");
  expect(await storage.blocks.all()).toHaveLength(2);
});
