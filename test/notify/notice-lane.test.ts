import { expect, test } from "bun:test";
import type { SendOutcome } from "../../src/notify/provider.ts";
import { NoticeHarness } from "../support/notice-harness.ts";
import { target } from "../support/noticed.ts";
import { batch, conversation, EPOCH_MS, message } from "../support/stored.ts";

/** Later than an e-mail's delay. */
const MAIL_MS = 300_001;

test("what is sent while the store looks for what is due is not sent again", async () => {
  await using harness = await NoticeHarness.open();
  const { storage, push } = harness;
  const due = storage.notices.due.bind(storage.notices);
  const settle = storage.notices.settle.bind(storage.notices);
  const outcome = Promise.withResolvers<SendOutcome>();
  const found = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  const isSettled = Promise.withResolvers<void>();
  storage.notices.settle = async (outcomes) => {
    await settle(outcomes);
    isSettled.resolve();
  };
  await storage.notices.putTarget(target("browser"));
  push.answer = () => outcome.promise;
  harness.start();
  await harness.messages(message(1, { timestampMs: EPOCH_MS }));
  harness.worker.wake();
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  while (push.sent.length === 0) await turn();
  storage.notices.due = async (...asked) => {
    const dues = await due(...asked);
    found.resolve();
    await answer.promise;
    return dues;
  };
  harness.worker.wake();
  await found.promise;
  outcome.resolve({ kind: "sent" });
  await isSettled.promise;
  await turn(); // Nothing is under way any more.
  answer.resolve();
  await harness.rest();
  expect(push.sent).toHaveLength(1);
});

test("an e-mail that hangs, to whom there is much to tell, keeps nobody else waiting", async () => {
  await using harness = await NoticeHarness.open();
  const { storage, email } = harness;
  const conversations = Array.from({ length: 100 }, (_, at) => conversation(`chat-${at}`));
  await storage.chat.commit(
    batch({ conversations: [...conversations, conversation("last", ["alice", "carol"])] }),
  );
  for (const userId of ["bob", "carol"]) {
    const fields = { userId, channel: "email", address: `${userId}@example.org` } as const;
    await storage.notices.putTarget(target(userId, fields));
  }
  email.answer = ({ target: { userId } }) =>
    userId === "bob" ? new Promise<never>(() => {}) : { kind: "sent" };
  await harness.messages(
    ...conversations.map(({ id }) => message(1, { conversationId: id, timestampMs: EPOCH_MS })),
  );
  await harness.messages(message(1, { conversationId: "last", timestampMs: EPOCH_MS + 1 }));
  harness.start();
  harness.clock.advance(MAIL_MS);
  while (email.sent.length < 2) await new Promise((resolve) => setImmediate(resolve));
  expect(email.sent.map(({ target: { userId } }) => userId)).toEqual(["bob", "carol"]);
});
