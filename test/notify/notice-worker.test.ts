import { expect, test } from "bun:test";
import { NoticeHarness } from "../support/notice-harness.ts";
import { target } from "../support/noticed.ts";
import { batch, conversation, EPOCH_MS, message, watermark } from "../support/stored.ts";

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

test("who is not there is told at once, and by e-mail if they have not read after five minutes", async () => {
  await using harness = await NoticeHarness.open();
  const { storage, push, email } = harness;
  await storage.notices.putTarget(target("browser"));
  await storage.notices.putTarget(target("mail", { channel: "email", address: "bob@example.org" }));
  harness.start();
  await harness.messages(message(1, { timestampMs: EPOCH_MS }));
  await harness.rest();
  expect(push.told).toEqual([["chat", "message 1", 1]]);
  expect(push.sent[0]?.target).toEqual(target("browser"));
  expect(push.sent[0]?.notices[0]).toMatchObject({ kind: "direct", userId: "bob", title: null });
  await harness.pass(5 * MINUTE_MS - 1);
  expect(email.told).toEqual([]);
  await harness.pass(1);
  expect(email.told).toEqual([["chat", "message 1", 1]]);
  await harness.pass(HOUR_MS);
  expect([push.sent.length, email.sent.length]).toEqual([1, 1]);
});

test("what was read meanwhile is told nowhere", async () => {
  await using harness = await NoticeHarness.open();
  const { storage, push, email } = harness;
  await storage.notices.putTarget(target("browser"));
  await storage.notices.putTarget(target("mail", { channel: "email", address: "b@e.org" }));
  await harness.messages(message(1, { timestampMs: EPOCH_MS }));
  await storage.chat.commit(batch({ watermarks: [watermark("bob", 1, 1)] }));
  harness.start();
  await harness.messages(message(2, { timestampMs: EPOCH_MS }));
  await harness.rest();
  expect(push.told).toEqual([["chat", "message 2", 1]]);
  await storage.chat.commit(batch({ watermarks: [watermark("bob", 2, 2)] }));
  await harness.pass(HOUR_MS);
  expect(email.sent).toEqual([]);
  expect(await storage.notices.waiting()).toBe(0);
});

test("messages that follow within the interval are one notice, with their count", async () => {
  await using harness = await NoticeHarness.open();
  const { storage, push } = harness;
  await storage.notices.putTarget(target("browser"));
  harness.start();
  for (const seq of [1, 2, 3]) {
    await harness.messages(message(seq, { timestampMs: EPOCH_MS }));
    await harness.rest();
  }
  expect(push.told).toEqual([["chat", "message 1", 1]]);
  await harness.pass(5 * SECOND_MS);
  expect(push.told.slice(1)).toEqual([["chat", "message 3", 3]]);
  const keys = push.sent.map(({ notices }) => notices[0]?.key);
  expect(new Set(keys).size).toBe(2);
  for (const key of keys) expect(key).toMatch(/^[0-9a-f]{32}$/);
});

test("who is there is not told of what has reached them, and is of what a dead connection has not", async () => {
  await using harness = await NoticeHarness.open();
  const { storage, push, there } = harness;
  await storage.notices.putTarget(target("browser"));
  there.add("bob");
  harness.start();
  // At once: between the two the worker may look, and would look again ten seconds later.
  const messages = [message(1, { timestampMs: EPOCH_MS })];
  const outbox = messages.map(({ id }) => id);
  await storage.chat.commit(batch({ messages, outbox, watermarks: [watermark("bob", 1)] }));
  await harness.rest();
  expect(await storage.notices.waiting()).toBe(0);
  await harness.messages(message(2, { timestampMs: EPOCH_MS }));
  await harness.pass(MINUTE_MS);
  expect(push.sent).toEqual([]);
  there.delete("bob");
  await harness.pass(10 * SECOND_MS);
  expect(push.told).toEqual([["chat", "message 2", 2]]);
});

test("a provider that is down for an hour: everything is told afterwards, collapsed, once by key", async () => {
  await using harness = await NoticeHarness.open();
  const { storage, push, clock } = harness;
  await storage.chat.commit(
    batch({ conversations: [conversation("other", ["carol", "bob"]), conversation("third")] }),
  );
  await storage.notices.putTarget(target("browser"));
  await storage.notices.putTarget(target("phone"));
  push.answer = () => ({ kind: "retry", blames: "provider", reason: "503", afterMs: null });
  harness.start();
  for (let minute = 1; minute <= 60; minute += 1) {
    const fields = { timestampMs: clock.now() };
    await harness.messages(message(minute, fields));
    if (minute === 7) {
      await harness.messages(
        message(1, { ...fields, conversationId: "other", senderId: "carol", content: "seven" }),
      );
    }
    await harness.pass(MINUTE_MS);
  }
  expect(push.sent.length).toBeGreaterThan(6);
  expect(harness.dead).toEqual([]);
  push.sent.length = 0;
  push.answer = () => ({ kind: "sent" });
  for (let second = 0; second < 120; second += 1) await harness.pass(SECOND_MS);
  expect(push.told.toSorted()).toEqual([
    ["chat", "message 60", 60],
    ["chat", "message 60", 60],
    ["other", "seven", 1],
    ["other", "seven", 1],
  ]);
  const keys = push.sent.map(({ notices }) => notices[0]?.key);
  expect(new Set(keys).size).toBe(4);
  await harness.pass(HOUR_MS);
  expect(push.sent).toHaveLength(4);
});

test("a provider says when it may be asked again", async () => {
  await using harness = await NoticeHarness.open();
  const { storage, push } = harness;
  await storage.notices.putTarget(target("browser"));
  push.answer = () => ({
    kind: "retry",
    blames: "provider",
    reason: "429",
    afterMs: 20 * MINUTE_MS,
  });
  harness.start();
  await harness.messages(message(1, { timestampMs: EPOCH_MS }));
  await harness.rest();
  await harness.pass(20 * MINUTE_MS - 1);
  expect(push.sent).toHaveLength(1);
  await harness.pass(1);
  expect(push.sent).toHaveLength(2);
});

test("a target that is gone is forgotten, with what was to be sent to it", async () => {
  await using harness = await NoticeHarness.open();
  const { storage, push } = harness;
  await storage.notices.putTarget(target("browser"));
  await storage.notices.putTarget(target("phone"));
  push.answer = ({ target }) =>
    target.id === "browser" ? { kind: "gone", reason: "410" } : { kind: "sent" };
  harness.start();
  await harness.messages(message(1, { timestampMs: EPOCH_MS }));
  await harness.rest();
  expect((await storage.notices.targetsOf("bob")).map(({ id }) => id)).toEqual(["phone"]);
  await harness.messages(message(2, { timestampMs: EPOCH_MS }));
  await harness.pass(5 * SECOND_MS);
  expect(push.sent.map(({ target }) => target.id).slice(2)).toEqual(["phone"]);
});

test("what a provider refuses is a dead letter at once, and is sent when it is replayed", async () => {
  await using harness = await NoticeHarness.open();
  const { storage, push, dead, clock } = harness;
  await storage.notices.putTarget(target("browser"));
  push.answer = () => ({ kind: "refused", reason: "403: who are you" });
  harness.start();
  await harness.messages(message(1, { timestampMs: EPOCH_MS }));
  await harness.rest();
  const letter = {
    ...{ id: "letter-1", channel: "webpush", userId: "bob", targetId: "browser" },
    ...{ conversationId: "chat", seq: 1, attempts: 1, reason: "403: who are you" },
  };
  expect(dead).toMatchObject([letter]);
  expect(await storage.notices.deadLetters(null, 9)).toMatchObject([letter]);
  await harness.pass(HOUR_MS);
  expect(push.sent).toHaveLength(1);
  push.answer = () => ({ kind: "sent" });
  expect(await storage.notices.replay(["letter-1", "none"], clock.now())).toBe(1);
  await harness.rest();
  expect(push.told).toEqual([
    ["chat", "message 1", 1],
    ["chat", "message 1", 1],
  ]);
  expect(push.sent[0]?.notices[0]?.key).toBe(push.sent[1]?.notices[0]?.key);
  expect(await storage.notices.deadLetters(null, 9)).toEqual([]);
});

test("what cannot be sent for a day is a dead letter", async () => {
  await using harness = await NoticeHarness.open();
  const { storage, push, dead } = harness;
  await storage.notices.putTarget(target("browser"));
  push.answer = () => ({ kind: "retry", blames: "provider", reason: "503", afterMs: HOUR_MS });
  harness.start();
  await harness.messages(message(1, { timestampMs: EPOCH_MS }));
  await harness.rest();
  for (let hour = 0; hour < 24; hour += 1) await harness.pass(HOUR_MS);
  expect(push.sent).toHaveLength(25);
  expect(dead).toMatchObject([{ reason: "503", attempts: 25, seq: 1 }]);
});

test("a send that hangs is given up in time and tried again, and others go on beside it", async () => {
  await using harness = await NoticeHarness.open();
  const { storage, push } = harness;
  const aborted: string[] = [];
  await storage.notices.putTarget(target("hanging"));
  await storage.notices.putTarget(target("phone"));
  push.answer = ({ target }, signal) => {
    if (target.id === "phone") return { kind: "sent" };
    signal.addEventListener("abort", () => aborted.push(target.id));
    return new Promise<never>(() => {});
  };
  harness.start();
  await harness.messages(message(1, { timestampMs: EPOCH_MS }));
  harness.worker.wake();
  while (push.sent.length < 2) await new Promise((resolve) => setImmediate(resolve));
  expect(push.sent.map(({ target }) => target.id).toSorted()).toEqual(["hanging", "phone"]);
  await harness.pass(10 * SECOND_MS);
  expect(aborted).toEqual(["hanging"]);
  await storage.notices.removeTarget("bob", "hanging");
});

test("a stop gives up what hangs, and the next start sends it with the same key", async () => {
  await using harness = await NoticeHarness.open();
  const { storage, push, clock } = harness;
  await storage.notices.putTarget(target("browser"));
  push.answer = () => new Promise<never>(() => {});
  harness.start();
  await harness.messages(message(1, { timestampMs: EPOCH_MS }));
  harness.worker.wake();
  while (push.sent.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const stopped = harness.worker.stop();
  clock.advance(2 * SECOND_MS);
  await stopped;
  push.answer = () => ({ kind: "sent" });
  await harness.pass(MINUTE_MS);
  expect(push.sent).toHaveLength(1);
  harness.start();
  await harness.rest();
  expect(push.sent).toHaveLength(2);
  expect(push.sent[0]?.notices[0]?.key).toBe(push.sent[1]?.notices[0]?.key);
});

test("one e-mail has what is due of all conversations", async () => {
  await using harness = await NoticeHarness.open();
  const { storage, email } = harness;
  await storage.chat.commit(
    batch({ conversations: [conversation("other", ["carol", "bob", "dave"])] }),
  );
  await storage.notices.putTarget(target("mail", { channel: "email", address: "b@e.org" }));
  harness.start();
  const fields = { timestampMs: EPOCH_MS };
  await harness.messages(
    message(1, fields),
    message(1, { ...fields, conversationId: "other", senderId: "carol" }),
    message(2, fields),
  );
  await harness.pass(5 * MINUTE_MS);
  expect(email.sent).toHaveLength(1);
  expect(email.told.toSorted()).toEqual([
    ["chat", "message 2", 2],
    ["other", "message 1", 1],
  ]);
});

test("a store that is away sends nothing twice: outcomes wait for it", async () => {
  let isAway = false;
  await using harness = await NoticeHarness.open();
  const { storage, push, log, clock } = harness;
  const settle = storage.notices.settle.bind(storage.notices);
  storage.notices.settle = (outcomes) =>
    isAway ? Promise.reject(new Error("away")) : settle(outcomes);
  await storage.notices.putTarget(target("browser"));
  harness.start();
  isAway = true;
  await harness.messages(message(1, { timestampMs: EPOCH_MS }));
  harness.worker.wake();
  while (!log.texts.includes("warn: Notices wait: the store does not answer")) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (let round = 0; round < 5; round += 1) {
    clock.advance(SECOND_MS);
    await new Promise((resolve) => setImmediate(resolve));
  }
  isAway = false;
  await harness.pass(SECOND_MS);
  await harness.pass(HOUR_MS);
  expect(push.sent).toHaveLength(1);
});

test("after a start, events for webhooks come out at once, and users have time to come back", async () => {
  let expansions = 0;
  const onEvents = () => {
    expansions += 1;
  };
  await using harness = await NoticeHarness.open({
    startDelayMs: 5_000,
    webhooks: true,
    onEvents,
  });
  const { storage, push, there } = harness;
  await storage.notices.putTarget(target("browser"));
  await harness.messages(message(1, { timestampMs: EPOCH_MS }));
  harness.worker.start();
  await harness.rest();
  expect(expansions).toBeGreaterThan(0);
  expect(await storage.webhooks.due(EPOCH_MS, [], 10)).toMatchObject([{ id: "chat#1" }]);
  await harness.pass(4_999);
  expect(push.sent).toEqual([]);
  there.add("bob");
  await storage.chat.commit(batch({ watermarks: [watermark("bob", 1)] }));
  await harness.pass(1);
  expect(push.sent).toEqual([]);
  expect(await storage.notices.waiting()).toBe(0);
});
