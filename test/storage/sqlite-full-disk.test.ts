import { afterAll, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { openSqliteStorage } from "../../src/storage/sqlite.ts";
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
