import { afterEach, beforeEach, expect, test } from "bun:test";
import { AppError } from "../../src/errors.ts";
import { NoticeClearing, type NoticeClearingOptions } from "../../src/notify/notice-clearing.ts";
import { memoryStorage } from "../../src/storage/memory.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { settled } from "../support/held-store.ts";
import { expandAll, say, target } from "../support/noticed.ts";
import { RecordedLog } from "../support/recorded-log.ts";
import { batch, conversation, EPOCH_MS, message } from "../support/stored.ts";

let storage: Storage;
let clock: FakeClock;
let log: RecordedLog;

beforeEach(async () => {
  storage = memoryStorage();
  clock = new FakeClock(EPOCH_MS);
  log = new RecordedLog();
  await storage.chat.commit(batch({ conversations: [conversation()] }));
  await storage.notices.putTarget(target("browser"));
  await storage.notices.putTarget(target("mail", { channel: "email", address: "b@e.org" }));
  await say(storage, message(1));
  const pace = { delayMs: 0, intervalMs: 0 };
  const channels = (["webpush", "email"] as const).map((channel) => ({ channel, ...pace }));
  await expandAll(storage.notices, { channels });
  for (let seq = 2; seq <= 500; seq += 1) await say(storage, message(seq));
});
afterEach(() => storage.close());

function clearing(options: Partial<NoticeClearingOptions>): NoticeClearing {
  const { notices } = storage;
  return new NoticeClearing({
    ...{ store: notices, channels: ["email"], clearsOutbox: false, clock, log },
    ...options,
  });
}

test("what waits for a channel that is off is forgotten, and nothing else", async () => {
  const led = clearing({});
  led.start();
  await led.stop();
  expect(await storage.notices.nextDueMs(["email"])).toBeNull();
  expect(await storage.notices.nextDueMs(["webpush"])).not.toBeNull();
  expect(await storage.notices.waiting()).toBe(1 + 499);
  // Where they are reached, should it be switched on again.
  expect((await storage.notices.targetsOf("bob")).map(({ id }) => id)).toEqual(["browser", "mail"]);
});

test("where nobody is told of anything, the outbox is emptied too", async () => {
  const led = clearing({ channels: ["webpush", "email"], clearsOutbox: true });
  led.start();
  await settled();
  await led.stop();
  expect(await storage.notices.waiting()).toBe(0);
});

test("a store that is away is asked again", async () => {
  let isAway = true;
  const store: NoticeClearingOptions["store"] = {
    expand: storage.notices.expand.bind(storage.notices),
    async forgetWaiting(channels) {
      if (isAway) throw new AppError("STORAGE_UNAVAILABLE", "away");
      await storage.notices.forgetWaiting(channels);
    },
  };
  const led = clearing({ store });
  led.start();
  await settled();
  expect(await storage.notices.nextDueMs(["email"])).not.toBeNull();
  isAway = false;
  clock.advance(10_000);
  await settled();
  expect(await storage.notices.nextDueMs(["email"])).toBeNull();
  await led.stop();
  expect(log.texts).toEqual([
    "warn: Notices of channels that are off stay: the store does not answer",
  ]);
});
