import { afterEach, beforeEach, expect, test } from "bun:test";
import { keyOf, thumbnailKeyOf } from "../../src/attachments/blob-store.ts";
import { Sweeper } from "../../src/attachments/sweeper.ts";
import type { AttachmentStore } from "../../src/chat/attachments.ts";
import { memoryStorage } from "../../src/storage/memory.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { chatHarness, type Harness } from "../support/chat-harness.ts";
import { RecordedBlobs } from "../support/recorded-blobs.ts";
import { RecordedLog } from "../support/recorded-log.ts";
import { attachment } from "../support/stored.ts";

const [ONE, TWO, THREE] = [
  "0193a000-0000-7000-8000-000000000001",
  "0193a000-0000-7000-8000-000000000002",
  "0193a000-0000-7000-8000-000000000003",
] as const;
const INTERVAL_MS = 1_000;

let storage: Storage;
let harness: Harness;
let blobs: RecordedBlobs;
let log: RecordedLog;
let sweeper: Sweeper;

beforeEach(() => {
  storage = memoryStorage();
  harness = chatHarness(storage.chat, { attachments: storage.attachments });
  blobs = new RecordedBlobs();
  log = new RecordedLog();
  sweeper = started(storage.attachments);
});
afterEach(async () => {
  await sweeper.stop();
  await harness.chat.stop();
  await storage.close();
});

function started(store: AttachmentStore): Sweeper {
  const { chat, clock } = harness;
  const { attachments } = chat;
  const made = new Sweeper({ store, attachments, blobs, clock, log, intervalMs: INTERVAL_MS });
  made.start();
  return made;
}

async function uploaded(id: string, leftMs: number): Promise<void> {
  const removeMs = harness.clock.now() + leftMs;
  await storage.attachments.put(attachment(id, { removeMs, hasThumbnail: true }));
  await blobs.put(thumbnailKeyOf(id));
  await blobs.put(keyOf(id));
}

/** What the sweeper does when its time has come is done. */
async function swept(): Promise<void> {
  harness.clock.advance(INTERVAL_MS);
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
}

const known = async (...ids: string[]) =>
  (await storage.attachments.byIds(ids)).map(({ id }) => id).sort();

test("a file that no message came for goes in its time, with its thumbnail, and no other", async () => {
  await uploaded(ONE, INTERVAL_MS);
  await uploaded(TWO, INTERVAL_MS + 1);
  await swept();
  expect(await known(ONE, TWO)).toEqual([TWO]);
  expect(blobs.keys).toEqual([thumbnailKeyOf(TWO), keyOf(TWO)]);
  await swept();
  expect(await known(ONE, TWO)).toEqual([]);
  expect(blobs.keys).toEqual([]);
});

test("files go with their message, and stay as long as it does", async () => {
  for (const id of [ONE, TWO, THREE]) await uploaded(id, INTERVAL_MS);
  harness.send("alice", { recipientId: "bob", attachments: [ONE] });
  harness.send("alice", { attachments: [TWO, THREE] });
  await swept();
  expect(await known(ONE, TWO, THREE)).toEqual([ONE, TWO, THREE]);
  const [message] = await storage.chat.history({ conversationId: "c1", limit: 1 });
  await harness.chat.messageChanges.delete({ userId: "alice", name: "" }, message?.id ?? "");
  expect(blobs.keys).toContain(keyOf(TWO));
  await swept();
  expect(await known(ONE, TWO, THREE)).toEqual([ONE]);
  expect(blobs.keys).toEqual([thumbnailKeyOf(ONE), keyOf(ONE)]);
});

test("a file that cannot be removed now is removed later, and does not keep others", async () => {
  await uploaded(ONE, 1);
  await uploaded(TWO, 2);
  blobs.failing = new RegExp(`${ONE}$`);
  await swept();
  expect(await known(ONE, TWO)).toEqual([ONE]);
  expect(log.texts).toContain("warn: A file of a message is not removed for now");
  blobs.failing = null;
  await swept();
  expect(await known(ONE)).toEqual([]);
  expect(blobs.keys).toEqual([]);
});

test("a run that ended before it had forgotten what it removed is finished by the next", async () => {
  await sweeper.stop();
  await uploaded(ONE, 1);
  const { attachments } = storage;
  const forgetful: AttachmentStore = {
    put: (kept) => attachments.put(kept),
    byIds: (ids) => attachments.byIds(ids),
    bytesOf: (userId) => attachments.bytesOf(userId),
    unsentOf: (...page) => attachments.unsentOf(...page),
    due: (nowMs, limit) => attachments.due(nowMs, limit),
    discard: (ids) => attachments.discard(ids),
    forget: () => Promise.reject(new Error("it has ended")),
  };
  sweeper = started(forgetful);
  await swept();
  expect([await known(ONE), blobs.keys]).toEqual([[ONE], []]);
  await sweeper.stop();
  sweeper = started(attachments);
  await swept();
  expect(await known(ONE)).toEqual([]);
});

test("what is sent while it is looked at stays", async () => {
  await sweeper.stop();
  await uploaded(ONE, INTERVAL_MS);
  const { attachments } = storage;
  // It is sent at the last moment, and on its way to disk when its time has come.
  const late: AttachmentStore = {
    put: (kept) => attachments.put(kept),
    byIds: (ids) => attachments.byIds(ids),
    bytesOf: (userId) => attachments.bytesOf(userId),
    unsentOf: (...page) => attachments.unsentOf(...page),
    discard: (ids) => attachments.discard(ids),
    forget: (ids) => attachments.forget(ids),
    due: (nowMs, limit) => {
      const found = attachments.due(nowMs, limit);
      harness.clock.setWallBy(-INTERVAL_MS);
      harness.send("alice", { recipientId: "bob", attachments: [ONE] });
      return found;
    },
  };
  sweeper = started(late);
  await swept();
  expect(await storage.attachments.byIds([ONE])).toMatchObject([{ removeMs: null }]);
  expect(blobs.keys).toEqual([thumbnailKeyOf(ONE), keyOf(ONE)]);
});

test("more than one portion goes one after the other, without waiting for the next time", async () => {
  const ids = Array.from({ length: 450 }, (_, index) => `0193a000-${index}`);
  for (const id of ids) await uploaded(id, 1);
  harness.clock.advance(INTERVAL_MS);
  for (let turn = 0; turn < 600 && blobs.keys.length > 0; turn += 1) {
    await new Promise(setImmediate);
    harness.clock.advance(10);
  }
  expect(blobs.keys).toEqual([]);
});
