import { afterAll, expect, test } from "bun:test";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { systemClock } from "../../src/clock.ts";
import { diskFiles } from "../../src/storage/file-operations.ts";
import { openSqliteStorage } from "../../src/storage/sqlite.ts";
import { backUp } from "../../src/storage/sqlite-backup.ts";
import { restore } from "../../src/storage/sqlite-restore.ts";
import { refusalOf } from "../support/refusal.ts";
import { batch, conversation, message, messages } from "../support/stored.ts";
import { job, jobs, queueBatch } from "../support/stored-jobs.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const disk = new TemporaryFolder();
const isMounted =
  process.platform === "linux" &&
  Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk.path], {
    stderr: "ignore",
  }).success;

afterAll(() => {
  if (isMounted) Bun.spawnSync(["umount", "-l", disk.path]);
  disk[Symbol.dispose]();
});

// Needs the right to mount a small disk, which root has.
test.skipIf(!isMounted)(
  "a full disk refuses commits, and takes them when it has room",
  async () => {
    const storage = await openSqliteStorage({ path: disk.file("parley.db") });
    const { chat, queues } = storage;
    await chat.commit(batch({ conversations: [conversation()], messages: messages(10) }));
    await queues.commit(queueBatch({ appended: jobs(10) }));

    const ballast = disk.file("ballast");
    expect(() => writeFileSync(ballast, new Uint8Array(4 * 1024 * 1024))).toThrow("ENOSPC");
    const large = (seq: number) =>
      batch({ messages: [message(seq, { content: "x".repeat(200_000) })] });
    const largeJob = queueBatch({
      removed: [job(1).id],
      appended: [job(11, { body: new Uint8Array(200_000) })],
    });
    for (let attempt = 0; attempt < 5; attempt++) {
      expect(await refusalOf(() => chat.commit(large(11)))).toBe("STORAGE_UNAVAILABLE");
      expect(await refusalOf(() => queues.commit(largeJob))).toBe("STORAGE_UNAVAILABLE");
      expect(await refusalOf(() => chat.probe())).toBe("STORAGE_UNAVAILABLE");
    }
    expect(chat.history({ conversationId: "chat", limit: 100 })).toEqual(messages(10));
    expect(queues.messages()).toEqual(jobs(10));

    rmSync(ballast);
    await chat.probe();
    await queues.probe();
    await chat.commit(large(11));
    await queues.commit(largeJob);
    await chat.commit(batch({ messages: [message(12)] }));
    expect(chat.conversation("chat")).toMatchObject({ lastSeq: 12 });
    await storage.close();

    const again = await openSqliteStorage({ path: disk.file("parley.db") });
    expect(again.chat.history({ conversationId: "chat", limit: 100 })).toHaveLength(12);
    expect(await again.queues.messages()).toHaveLength(10);
    await again.close();
  },
);

test.skipIf(!isMounted)(
  "a full disk leaves nothing of a backup, and the database as it was at a restore",
  async () => {
    using elsewhere = new TemporaryFolder();
    const large = elsewhere.file("parley.db");
    const storage = await openSqliteStorage({ path: large });
    const content = "x".repeat(3 * 1024 * 1024);
    await storage.chat.commit(
      batch({ conversations: [conversation()], messages: [message(1, { content })] }),
    );
    const { files, clock } = { files: diskFiles, clock: systemClock };
    mkdirSync(disk.file("backups"));
    const toDisk = { path: large, file: disk.file("backups/night.db"), overwrite: false };
    expect(() => backUp({ ...toDisk, files, clock })).toThrow(
      expect.objectContaining({
        code: "STORAGE_UNAVAILABLE",
        message: `there is no room left for ${toDisk.file}; nothing of it was kept`,
      }),
    );
    expect(readdirSync(disk.file("backups"))).toEqual([]);

    const file = elsewhere.file("night.db");
    backUp({ ...toDisk, file, files, clock });
    await storage.close();
    const path = disk.file("small/parley.db");
    const small = await openSqliteStorage({ path });
    await small.chat.commit(batch({ conversations: [conversation()], messages: messages(10) }));
    await small.close();
    expect(await refusalOf(() => restore({ path, file, files, clock }))).toBe(
      "STORAGE_UNAVAILABLE",
    );
    expect(readdirSync(disk.file("small")).sort()).toEqual(["parley.db", "parley.db.lock"]);
    const again = await openSqliteStorage({ path, check: "always" });
    expect(again.chat.history({ conversationId: "chat", limit: 100 })).toEqual(messages(10));
    await again.close();
  },
);
