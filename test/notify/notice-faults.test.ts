import { expect, test } from "bun:test";
import { DEFAULT_PREFERENCES } from "../../src/notify/preferences.ts";
import { NoticeHarness } from "../support/notice-harness.ts";
import { target } from "../support/noticed.ts";
import { batch, conversation, EPOCH_MS, message } from "../support/stored.ts";

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("notices go out while more comes into the outbox than is ever taken out of it", async () => {
  await using harness = await NoticeHarness.open();
  const { storage, push } = harness;
  await storage.notices.putTarget(target("browser"));
  await harness.messages(message(1, { timestampMs: EPOCH_MS }));
  const expand = storage.notices.expand.bind(storage.notices);
  let isFilling = true;
  storage.notices.expand = async (expansion) => {
    await turn();
    return (await expand(expansion)) || isFilling;
  };
  harness.start();
  harness.worker.wake();
  while (push.sent.length === 0) await turn();
  expect(push.told).toEqual([["chat", "message 1", 1]]);
  isFilling = false;
});

test("a target that is gone, and cannot be forgotten, is not sent to without end", async () => {
  await using harness = await NoticeHarness.open();
  const { storage, push } = harness;
  await storage.notices.putTarget(target("browser"));
  const removeTarget = storage.notices.removeTarget.bind(storage.notices);
  storage.notices.removeTarget = () => Promise.reject(new Error("the disk is full"));
  push.answer = () => ({ kind: "gone", reason: "410" });
  harness.start();
  await harness.messages(message(1, { timestampMs: EPOCH_MS }));
  await harness.rest();
  expect(push.sent).toHaveLength(1);
  storage.notices.removeTarget = removeTarget;
  await harness.pass(SECOND_MS);
  expect(push.sent).toHaveLength(2);
  expect(await storage.notices.targetsOf("bob")).toEqual([]);
});

test("what has waited for quiet hours longer than anything is tried is tried nonetheless", async () => {
  await using harness = await NoticeHarness.open();
  const { storage, push, clock, dead } = harness;
  await storage.notices.putTarget(target("browser"));
  const quietHours = { from: "00:00", to: "23:59", timeZone: "UTC" };
  await storage.notices.putPreferences("bob", { ...DEFAULT_PREFERENCES, quietHours });
  push.answer = () => ({ kind: "retry", blames: "provider", reason: "503", afterMs: null });
  harness.start();
  await harness.messages(message(1, { timestampMs: clock.now() }));
  await harness.pass(DAY_MS + HOUR_MS);
  expect(push.sent).toEqual([]);
  await storage.notices.putPreferences("bob", DEFAULT_PREFERENCES);
  await harness.pass(DAY_MS);
  expect(push.sent).toHaveLength(1);
  for (let attempt = 2; attempt <= 10; attempt += 1) {
    expect(dead).toEqual([]);
    await harness.pass(MINUTE_MS);
  }
  expect(push.sent).toHaveLength(10);
  expect(dead).toMatchObject([{ attempts: 10 }]);
});

test("one target that fails among many that do not fills no log", async () => {
  await using harness = await NoticeHarness.open();
  const { storage, push, log } = harness;
  await storage.notices.putTarget(target("bad"));
  await storage.notices.putTarget(target("good"));
  let failures = 0;
  push.answer = ({ target }) =>
    target.id === "bad" ? { kind: "refused", reason: `${++failures}: 403` } : { kind: "sent" };
  harness.start();
  for (let seq = 1; seq <= 10; seq += 1) {
    await harness.messages(message(seq, { timestampMs: EPOCH_MS }));
    await harness.pass(5 * SECOND_MS);
  }
  const told = () => log.texts.filter((text) => text.includes("Notices are"));
  expect(failures).toBe(10);
  expect(told().length).toBeLessThanOrEqual(2);
  await harness.pass(MINUTE_MS);
  await harness.messages(message(11, { timestampMs: EPOCH_MS }));
  await harness.pass(5 * SECOND_MS);
  expect(told().filter((text) => text.startsWith("warn"))).toHaveLength(2);
});

test("a target that fails is tried once in a while, however many conversations it is to be told of", async () => {
  await using harness = await NoticeHarness.open();
  const { storage, push } = harness;
  const ids = Array.from({ length: 20 }, (_, at) => `chat-${at}`);
  await storage.chat.commit(batch({ conversations: ids.map((id) => conversation(id)) }));
  await storage.notices.putTarget(target("browser"));
  push.answer = () => ({ kind: "retry", blames: "provider", reason: "503", afterMs: null });
  harness.start();
  await harness.messages(
    ...ids.map((conversationId) => message(1, { conversationId, timestampMs: EPOCH_MS })),
  );
  for (let second = 0; second < 60; second += 1) await harness.pass(SECOND_MS);
  expect(push.sent.length).toBeGreaterThan(3);
  expect(push.sent.length).toBeLessThan(10);
  push.answer = () => ({ kind: "sent" });
  push.sent.length = 0;
  await harness.pass(2 * MINUTE_MS);
  expect(push.told.map(([id]) => id).toSorted()).toEqual(ids.toSorted());
});

test("dead letters are forgotten when they are old", async () => {
  await using harness = await NoticeHarness.open();
  const { storage, push } = harness;
  await storage.notices.putTarget(target("browser"));
  push.answer = () => ({ kind: "refused", reason: "403" });
  harness.start();
  await harness.messages(message(1, { timestampMs: EPOCH_MS }));
  await harness.rest();
  await harness.pass(20 * DAY_MS);
  await harness.messages(message(2, { timestampMs: EPOCH_MS }));
  await harness.rest();
  const seqs = async () => (await storage.notices.deadLetters(null, 9)).map(({ seq }) => seq);
  expect(await seqs()).toEqual([1, 2]);
  await harness.pass(10 * DAY_MS + HOUR_MS);
  expect(await seqs()).toEqual([2]);
});

test("of a fault that a provider has not foreseen, its kind alone is kept", async () => {
  await using harness = await NoticeHarness.open();
  const { storage, push, dead } = harness;
  await storage.notices.putTarget(target("browser"));
  push.answer = () => Promise.reject(new TypeError("cannot encode Bob's secret"));
  harness.start();
  await harness.messages(message(1, { timestampMs: EPOCH_MS }));
  for (let day = 0; day < 12; day += 1) await harness.pass(DAY_MS);
  expect(dead).toMatchObject([{ reason: "the provider failed (TypeError)" }]);
  expect(JSON.stringify(harness.log.lines)).not.toContain("secret");
});
