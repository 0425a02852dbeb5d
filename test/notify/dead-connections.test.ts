import { afterEach, beforeEach, expect, test } from "bun:test";
import { NoticeHarness } from "../support/notice-harness.ts";
import { target } from "../support/noticed.ts";
import { batch, EPOCH_MS, message, watermark } from "../support/stored.ts";

const SECOND_MS = 1_000;
const DOUBT_MS = 30 * SECOND_MS;

let harness: NoticeHarness;

beforeEach(async () => {
  harness = await NoticeHarness.open({ doubtMs: DOUBT_MS });
  await harness.storage.notices.putTarget(target("browser"));
  harness.there.add("bob");
  harness.start();
});
afterEach(() => harness[Symbol.asyncDispose]());

/** Alice says it, and bob's connection takes it, be it dead or not. */
async function deliver(seq: number): Promise<void> {
  const messages = [message(seq, { timestampMs: harness.clock.now() })];
  const outbox = messages.map(({ id }) => id);
  await harness.storage.chat.commit(
    batch({ messages, outbox, watermarks: [watermark("bob", seq)] }),
  );
  await harness.rest();
}

/** Bob's last connection has ended, or is known to be dead. */
async function depart(): Promise<void> {
  harness.there.delete("bob");
  await harness.worker.departed("bob");
  await harness.rest();
}

test("what a connection has taken that turns out to be dead is told as soon as that is known", async () => {
  await deliver(1);
  await harness.pass(25 * SECOND_MS);
  expect(harness.push.sent).toEqual([]);
  await depart();
  expect(harness.push.told).toEqual([["chat", "message 1", 1]]);
});

test("what a connection has taken that lives is not told, and waits no longer than it is in doubt", async () => {
  await deliver(1);
  await harness.pass(DOUBT_MS - 1);
  expect(await harness.storage.notices.waiting()).toBe(1);
  await harness.pass(1);
  expect(await harness.storage.notices.waiting()).toBe(0);
  await depart();
  await harness.pass(DOUBT_MS);
  expect(harness.push.sent).toEqual([]);
});

test("what was read is not told when its reader goes", async () => {
  await deliver(1);
  await harness.storage.chat.commit(batch({ watermarks: [watermark("bob", 1, 1)] }));
  await depart();
  expect(harness.push.sent).toEqual([]);
  expect(await harness.storage.notices.waiting()).toBe(0);
});

test("in a conversation that goes on, what came last is in doubt", async () => {
  await deliver(1);
  for (let seq = 2; seq <= 5; seq += 1) {
    await harness.pass(10 * SECOND_MS);
    await deliver(seq);
  }
  await depart();
  expect(harness.push.told).toEqual([["chat", "message 5", 5]]);
});

test("what comes when the user has just gone does not wait for the end of the doubt", async () => {
  await deliver(1);
  await harness.pass(SECOND_MS);
  await depart();
  await harness.pass(5 * SECOND_MS);
  await harness.messages(message(2, { timestampMs: EPOCH_MS + 6 * SECOND_MS }));
  await harness.rest();
  expect(harness.push.told.map(([, content]) => content)).toEqual(["message 1", "message 2"]);
});

test("what a node that knows nothing of the departure looks at is told at the end of the doubt", async () => {
  await deliver(1);
  harness.there.delete("bob");
  await harness.pass(DOUBT_MS - 1);
  expect(harness.push.sent).toEqual([]);
  await harness.pass(1);
  expect(harness.push.told).toEqual([["chat", "message 1", 1]]);
});

test("what has not reached a user who is there is told as soon as they have gone", async () => {
  await harness.messages(message(1, { timestampMs: EPOCH_MS }));
  await harness.pass(SECOND_MS);
  expect(harness.push.sent).toEqual([]);
  await depart();
  expect(harness.push.told).toEqual([["chat", "message 1", 1]]);
});

test("an e-mail is for who stays away: a departure does not hurry it", async () => {
  const mail = target("mail", { channel: "email", address: "bob@example.org" });
  await harness.storage.notices.putTarget(mail);
  await deliver(1);
  await harness.pass(300 * SECOND_MS);
  await depart();
  expect(harness.email.sent).toEqual([]);
  await harness.pass(300 * SECOND_MS);
  expect(harness.email.told).toEqual([["chat", "message 1", 1]]);
});
