import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import type { StoredQueueMessage } from "../../src/broker/queue-store.ts";
import { openSqliteStorage, type SqliteStorageOptions } from "../../src/storage/sqlite.ts";
import { MIGRATIONS, migrate } from "../../src/storage/sqlite-migrations.ts";
import { type DatabaseWorker, startDatabaseWorker } from "../../src/storage/sqlite-thread.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { writeOldChat } from "../support/old-database.ts";
import { refusalOf } from "../support/refusal.ts";
import { messages } from "../support/stored.ts";
import { job, jobs, queueBatch } from "../support/stored-jobs.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { workerThatEndsAfterReplies } from "../support/writer-workers.ts";
import { LAST_ROUND, queuesAfter } from "./commit-until-killed.ts";

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

describe("queues of a database that is opened again", () => {
  test("have everything in its order, and go on behind it", async () => {
    const first = await open();
    const bytes = job(3, { body: Uint8Array.of(0, 255), expiresMs: 7 });
    await first.queues.commit(queueBatch({ appended: [job(2), job(1), bytes, job(4)] }));
    const redelivered = [{ id: job(1).id, deliveries: 2 }];
    // The last one, so that its position is free when the database is opened again.
    await first.queues.commit(queueBatch({ removed: [job(4).id], redelivered }));
    await first.close();

    const second = await open();
    const kept: StoredQueueMessage[] = [job(2), job(1, { deliveries: 2 }), bytes];
    expect(second.queues.messages()).toEqual(kept);
    await second.queues.commit(queueBatch({ removed: [job(2).id], appended: [job(5)] }));
    expect(second.queues.messages()).toEqual([...kept.slice(1), job(5)]);
  });

  test("are there in a database of version 1, beside its chats", async () => {
    mkdirSync(folder.file("data"));
    {
      using db = new Database(path, { create: true });
      migrate(db, MIGRATIONS.slice(0, 1));
      writeOldChat(db, messages(3));
    }
    const { chat, queues } = await open();
    await queues.commit(queueBatch({ appended: jobs(2) }));
    expect(queues.messages()).toEqual(jobs(2));
    expect(chat.history({ conversationId: "chat", limit: 10 })).toEqual(messages(3));
  });
});

test("batches of queues that nobody waited for are done in their order", async () => {
  const { queues } = await open();
  await Promise.all(jobs(50).map((each) => queues.commit(queueBatch({ appended: [each] }))));
  expect(queues.messages()).toEqual(jobs(50));
});

describe("a writer whose thread ends", () => {
  test("in a commit of a queue, leaves it wholly there or not at all, and tells which", async () => {
    let worker: DatabaseWorker | undefined;
    const clock = new FakeClock();
    const { queues } = await open({
      clock,
      startWorker() {
        worker = startDatabaseWorker("sqlite-writer");
        return worker;
      },
    });
    let kept: StoredQueueMessage[] = [];
    for (let round = 0; round < 12; round++) {
      clock.advance(1_000);
      const appended = jobs(400, round * 400 + 1);
      const removed = kept.slice(0, 100).map(({ id }) => id);
      const commit = queues.commit(queueBatch({ appended, removed }));
      // Ends the thread at another point of the commit in each round.
      for (let turn = 0; turn < round * 40; turn++) await new Promise(setImmediate);
      worker?.terminate();
      const outcome = await commit.then(
        () => "done",
        (fault: { code?: unknown }) => fault.code,
      );
      if (outcome === "done") kept = [...kept.slice(100), ...appended];
      else expect(outcome).toBe("STORAGE_UNAVAILABLE");
      expect(queues.messages()).toEqual(kept);
    }
  });

  test("after a commit with new messages but before its answer, has confirmed it", async () => {
    const { queues } = await open({ startWorker: () => workerThatEndsAfterReplies(2) });
    await queues.commit(queueBatch({ appended: jobs(2) }));
    const again = job(1, { body: "again" });
    await queues.commit(queueBatch({ removed: ["job#1"], appended: [again, job(3)] }));
    expect(queues.messages()).toEqual([job(2), again, job(3)]);
  });

  test("after a commit without new messages, refuses it, and a repeat does no harm", async () => {
    const { queues } = await open({ startWorker: () => workerThatEndsAfterReplies(2) });
    await queues.commit(queueBatch({ appended: jobs(3) }));
    const rest = queueBatch({
      removed: ["job#1"],
      redelivered: [{ id: "job#2", deliveries: 1 }],
    });
    expect(await refusalOf(() => queues.commit(rest))).toBe("STORAGE_UNAVAILABLE");
    await queues.commit(rest);
    expect(queues.messages()).toEqual([job(2, { deliveries: 1 }), job(3)]);
  });
});

test("a server that is killed under load has every commit that it confirmed", async () => {
  await using server = Bun.spawn({
    cmd: [process.execPath, `${import.meta.dir}/commit-until-killed.ts`, path],
    stdout: "pipe",
    stderr: "inherit",
  });
  let output = "";
  const decoder = new TextDecoder();
  for await (const part of server.stdout) {
    output += decoder.decode(part, { stream: true });
    if (output.includes("queues 40\n") && output.includes("chat 40\n")) server.kill("SIGKILL");
  }
  await server.exited;
  const confirmed = (what: string) =>
    Math.max(
      ...[...output.matchAll(new RegExp(`${what} (\\d+)\n`, "g"))].map(([, n]) => Number(n)),
    );
  const [chats, rounds] = [confirmed("chat"), confirmed("queues")];
  expect(rounds).toBeLessThan(LAST_ROUND);

  const { chat, queues } = await open();
  const { length } = await chat.history({ conversationId: "chat", limit: LAST_ROUND });
  expect([chats, chats + 1]).toContain(length);
  // What was under way when the process ended may be there, but only wholly.
  expect([queuesAfter(rounds), queuesAfter(rounds + 1)]).toContainEqual(await queues.messages());
});
