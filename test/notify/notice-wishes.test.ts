import { expect, test } from "bun:test";
import { DEFAULT_PREFERENCES } from "../../src/notify/preferences.ts";
import { NoticeHarness } from "../support/notice-harness.ts";
import { target } from "../support/noticed.ts";
import { batch, conversation, EPOCH_MS, message } from "../support/stored.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

test("quiet hours keep it until they end, and preferences are those of the user at that time", async () => {
  await using harness = await NoticeHarness.open();
  const { storage, push, clock } = harness;
  await storage.notices.putTarget(target("browser"));
  // The clock begins at midnight, UTC.
  const quietHours = { from: "22:00", to: "07:00", timeZone: "UTC" };
  const wishes = { push: true, email: true, groups: "all", previews: true, quietHours } as const;
  await storage.notices.putPreferences("bob", wishes);
  harness.start();
  await harness.messages(message(1, { timestampMs: clock.now() }));
  await harness.pass(7 * HOUR_MS - 1);
  expect(push.sent).toEqual([]);
  await harness.pass(1);
  expect(push.told).toEqual([["chat", "message 1", 1]]);
  expect(push.sent[0]?.notices[0]?.timeZone).toBe("UTC");
  await storage.notices.putPreferences("bob", { ...wishes, previews: false });
  await harness.messages(message(2, { timestampMs: clock.now() }));
  await harness.pass(MINUTE_MS);
  expect(push.sent.map(({ notices }) => notices[0]?.isPrivate)).toEqual([false, true]);
  await storage.notices.putPreferences("bob", { ...wishes, push: false });
  await harness.messages(message(3, { timestampMs: clock.now() }));
  await harness.pass(MINUTE_MS);
  expect(push.sent).toHaveLength(2);
});

test("what waits for the end of quiet hours is told soon after the user has none", async () => {
  await using harness = await NoticeHarness.open();
  const { storage, push } = harness;
  await storage.notices.putTarget(target("browser"));
  const quietHours = { from: "00:00", to: "23:59", timeZone: "UTC" };
  await storage.notices.putPreferences("bob", { ...DEFAULT_PREFERENCES, quietHours });
  harness.start();
  await harness.messages(message(1, { timestampMs: EPOCH_MS }));
  await harness.pass(HOUR_MS);
  expect(push.sent).toEqual([]);
  await storage.notices.putPreferences("bob", DEFAULT_PREFERENCES);
  await harness.pass(15 * MINUTE_MS);
  expect(push.told).toEqual([["chat", "message 1", 1]]);
});

test("who wishes to hear of mentions alone is told of these in groups", async () => {
  await using harness = await NoticeHarness.open();
  const { storage, push } = harness;
  const group = { conversationId: "group", recipientId: null, timestampMs: EPOCH_MS };
  await storage.chat.commit(
    batch({ conversations: [conversation("group", ["alice", "bob", "carol"])] }),
  );
  await storage.notices.putTarget(target("browser"));
  const quietHours = null;
  const wishes = { push: true, email: true, previews: true, quietHours } as const;
  await storage.notices.putPreferences("bob", { ...wishes, groups: "mentions" });
  harness.start();
  await harness.messages(message(1, group), message(2, { ...group, mentions: '["carol"]' }));
  await harness.rest();
  expect(push.sent).toEqual([]);
  const naming = message(3, { ...group, content: "@bob", mentions: '["bob"]' });
  await harness.messages(naming, message(4, group));
  await harness.rest();
  expect(push.told).toEqual([["group", "@bob", 1]]);
  expect(push.sent[0]?.notices[0]?.newest.mentionsUser).toBe(true);
  await storage.notices.putPreferences("bob", { ...wishes, groups: "none" });
  await harness.messages(message(5, { ...group, mentions: '["bob"]' }));
  await harness.pass(HOUR_MS);
  expect(push.sent).toHaveLength(1);
});
