import { expect, test } from "bun:test";
import type { NoticeTarget, SendOutcome } from "../../src/notify/provider.ts";
import { NoticeHarness } from "../support/notice-harness.ts";
import { target } from "../support/noticed.ts";
import { batch, conversation, EPOCH_MS, message } from "../support/stored.ts";

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const DOWN: SendOutcome = {
  ...{ kind: "retry", blames: "provider", afterMs: null },
  reason: "answered 503",
};
const SENT: SendOutcome = { kind: "sent" };

/** A group of alice and as many users, each with one target. */
async function crowd(
  { storage }: NoticeHarness,
  count: number,
  targetOf: (userId: string, at: number) => NoticeTarget,
): Promise<void> {
  const userIds = Array.from({ length: count }, (_, at) => `user-${at}`);
  await storage.chat.commit(
    batch({ conversations: [conversation("crowd", ["alice", ...userIds])] }),
  );
  for (const [at, userId] of userIds.entries()) {
    await storage.notices.putTarget(targetOf(userId, at));
  }
}

const mailbox = (userId: string) =>
  target(userId, { userId, channel: "email", address: `${userId}@example.org` });

const browserAt = (host: string, userId: string) =>
  target(userId, { userId, address: `https://${host}/${userId}` });

async function passInSteps(harness: NoticeHarness, ms: number, stepMs: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) await harness.pass(stepMs);
}

function logged({ log }: NoticeHarness): string[] {
  return log.texts.filter((text) => text.includes("server of notices"));
}

test("a mail server that is down for an hour is asked by one send at a time, and nothing is given up", async () => {
  await using harness = await NoticeHarness.open({ random: Math.random });
  const { email, clock, dead } = harness;
  await crowd(harness, 200, mailbox);
  email.answer = () => DOWN;
  harness.start();
  await harness.messages(message(1, { conversationId: "crowd", timestampMs: EPOCH_MS }));
  await harness.pass(5 * MINUTE_MS);
  const downMs = clock.now();
  await passInSteps(harness, HOUR_MS, 5 * SECOND_MS);
  // Each address by itself would be asked every minute.
  expect(email.sent.length).toBeLessThan(400);
  expect(harness.worker.failing).toEqual([
    { channel: "email", server: "mail.example", sinceMs: downMs, reason: "answered 503" },
  ]);
  expect(logged(harness)).toEqual(["warn: A server of notices fails, and is left alone"]);
  email.answer = () => SENT;
  email.sent.length = 0;
  while (email.sent.length < 200) await harness.pass(SECOND_MS);
  expect(new Set(email.sent.map(({ target: { id } }) => id)).size).toBe(200);
  expect(email.sent).toHaveLength(200);
  expect(dead).toEqual([]);
  expect(harness.worker.failing).toEqual([]);
  expect(logged(harness).slice(1)).toEqual(["info: A server of notices works again"]);
});

test("a push service that is down keeps no notice for another one waiting", async () => {
  await using harness = await NoticeHarness.open({ random: Math.random });
  const { push, dead } = harness;
  const hosts = ["down.example", "well.example"];
  await crowd(harness, 100, (userId, at) => browserAt(hosts[at % 2] ?? "", userId));
  const isDown = ({ address }: NoticeTarget) => address.includes("down.example");
  const sentDown = () => push.sent.filter((one) => isDown(one.target)).length;
  push.answer = (delivery) => (isDown(delivery.target) ? DOWN : SENT);
  harness.start();
  await harness.messages(message(1, { conversationId: "crowd", timestampMs: EPOCH_MS }));
  await passInSteps(harness, MINUTE_MS, SECOND_MS);
  expect(push.sent.length - sentDown()).toBe(50);
  await passInSteps(harness, HOUR_MS, 5 * SECOND_MS);
  expect(sentDown()).toBeLessThan(400);
  expect(harness.worker.failing.map(({ server }) => server)).toEqual(["down.example"]);
  push.answer = () => SENT;
  push.sent.length = 0;
  while (push.sent.length < 50) await harness.pass(SECOND_MS);
  expect(push.sent.every((one) => isDown(one.target))).toBeTrue();
  expect(dead).toEqual([]);
  expect(harness.worker.failing).toEqual([]);
});

test("a push service is left alone for as long as it asks, with all that goes there", async () => {
  await using harness = await NoticeHarness.open();
  const { push } = harness;
  await crowd(harness, 20, (userId) => browserAt("push.example", userId));
  push.answer = () => ({ ...DOWN, afterMs: 20 * MINUTE_MS });
  harness.start();
  await harness.messages(message(1, { conversationId: "crowd", timestampMs: EPOCH_MS }));
  while (harness.worker.failing.length === 0) await harness.pass(100);
  const asked = push.sent.length;
  expect(asked).toBeLessThan(10);
  await passInSteps(harness, 20 * MINUTE_MS - SECOND_MS, SECOND_MS);
  expect(push.sent).toHaveLength(asked);
  push.answer = () => SENT;
  while (push.sent.length < asked + 20) await harness.pass(SECOND_MS);
  expect(new Set(push.sent.slice(asked).map(({ target: { id } }) => id)).size).toBe(20);
});

test.each<SendOutcome>([
  { kind: "gone", reason: "410" },
  { kind: "refused", reason: "400" },
  { kind: "retry", blames: "target", reason: "450 4.2.0", afterMs: null },
])("what is about the targets is no outage: %p", async (outcome) => {
  await using harness = await NoticeHarness.open();
  const { email } = harness;
  await crowd(harness, 50, mailbox);
  email.answer = () => outcome;
  harness.start();
  await harness.messages(message(1, { conversationId: "crowd", timestampMs: EPOCH_MS }));
  await harness.pass(5 * MINUTE_MS);
  expect(email.sent).toHaveLength(50);
  expect(logged(harness)).toEqual([]);
  expect(harness.worker.failing).toEqual([]);
});

test.each(["email", "webpush"] as const)(
  "what waits for a server that is down is given up by its own time, though it was hardly tried: %s",
  async (channel) => {
    await using harness = await NoticeHarness.open({ random: Math.random });
    const { storage, email, push, dead } = harness;
    const targetOf = (userId: string) =>
      channel === "email" ? mailbox(userId) : browserAt("push.example", userId);
    await crowd(harness, 80, targetOf);
    email.answer = () => DOWN;
    push.answer = () => DOWN;
    harness.start();
    await harness.messages(message(1, { conversationId: "crowd", timestampMs: EPOCH_MS }));
    await harness.pass(5 * MINUTE_MS);
    await passInSteps(harness, DAY_MS - HOUR_MS, 30 * MINUTE_MS);
    expect(dead).toEqual([]);
    // The others have been tried, and go on being so until they have had their attempts.
    while (dead.length < 70) await harness.pass(10 * SECOND_MS);
    expect(harness.clock.now()).toBeLessThan(EPOCH_MS + 2 * DAY_MS);
    expect(new Set(dead.map(({ reason }) => reason))).toEqual(new Set(["answered 503"]));
    // What is tried has ten attempts, however old it is.
    expect(dead.filter(({ attempts }) => attempts < 10).length).toBeGreaterThan(60);
    const letters = await storage.notices.deadLetters(null, 100);
    expect(letters).toHaveLength(dead.length);
  },
);

test("what a server asks to wait for is tried afterwards, although it has waited for so long", async () => {
  await using harness = await NoticeHarness.open();
  const { email, dead } = harness;
  await crowd(harness, 50, mailbox);
  email.answer = () => ({ ...DOWN, afterMs: DAY_MS });
  harness.start();
  await harness.messages(message(1, { conversationId: "crowd", timestampMs: EPOCH_MS }));
  await harness.pass(5 * MINUTE_MS);
  while (harness.worker.failing.length === 0) await harness.pass(SECOND_MS);
  email.answer = () => SENT;
  email.sent.length = 0;
  await harness.pass(DAY_MS);
  while (email.sent.length < 50) await harness.pass(SECOND_MS);
  expect(dead).toEqual([]);
});

test("a node that does not send any more knows of no outage, and begins anew when it does", async () => {
  await using harness = await NoticeHarness.open();
  const { email } = harness;
  await crowd(harness, 20, mailbox);
  email.answer = () => DOWN;
  harness.start();
  await harness.messages(message(1, { conversationId: "crowd", timestampMs: EPOCH_MS }));
  await harness.pass(5 * MINUTE_MS);
  while (harness.worker.failing.length === 0) await harness.pass(SECOND_MS);
  await harness.worker.stop();
  expect(harness.worker.failing).toEqual([]);
  email.answer = () => SENT;
  email.sent.length = 0;
  harness.start();
  while (email.sent.length < 20) await harness.pass(SECOND_MS);
});

test("what a stop gives up is no outage", async () => {
  await using harness = await NoticeHarness.open();
  const { email, clock } = harness;
  email.concurrency = 10;
  await crowd(harness, 10, mailbox);
  email.answer = () => new Promise<never>(() => {});
  harness.start();
  await harness.messages(message(1, { conversationId: "crowd", timestampMs: EPOCH_MS }));
  clock.advance(5 * MINUTE_MS);
  harness.worker.wake();
  while (email.sent.length < 10) await new Promise((resolve) => setImmediate(resolve));
  const stopped = harness.worker.stop();
  clock.advance(2 * SECOND_MS);
  await stopped;
  expect(harness.worker.failing).toEqual([]);
});
