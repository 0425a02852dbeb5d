import { afterEach, beforeEach, expect, test } from "bun:test";
import { openPostgresStorage } from "../../src/storage/postgres.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { AT_ONCE, expandAll, NOW_MS, say, target } from "../support/noticed.ts";
import { postgresDatabases } from "../support/postgres-databases.ts";
import { batch, conversation, message } from "../support/stored.ts";

const FAR_MS = NOW_MS + 1_000_000;

let one: Storage;
let other: Storage;

beforeEach(async () => {
  const databases = await postgresDatabases();
  one = await databases.open();
  other = await openPostgresStorage({ url: databases.sharedUrl });
});
afterEach(() => Promise.all([one.close(), other.close()]));

test("two nodes that both take themselves for the leader expand each message once, in order, while others are sent", async () => {
  const ids = ["a", "b", "c"];
  await one.chat.commit(batch({ conversations: ids.map((id) => conversation(id)) }));
  await one.notices.putTarget(target("browser"));
  const count = 60;
  let isSending = true;
  const sending = async () => {
    for (let seq = 1; seq <= count; seq += 1) {
      await say(one, ...ids.map((conversationId) => message(seq, { conversationId })));
    }
    isSending = false;
  };
  const expanding = async ({ notices }: Storage) => {
    const expansion = { limit: 7, nowMs: NOW_MS, channels: [AT_ONCE], webhooks: true };
    while ((await notices.expand(expansion)) || isSending);
  };
  await Promise.all([sending(), expanding(one), expanding(other)]);
  await expandAll(one.notices, { webhooks: true });
  const due = await one.notices.due("webpush", FAR_MS, 10);
  expect(due.map(({ conversationId, lastSeq }) => `${conversationId} ${lastSeq}`).sort()).toEqual(
    ids.map((id) => `${id} ${count}`),
  );
  const told = new Map<string, string[]>(ids.map((id) => [id, []]));
  for (;;) {
    const events = await one.webhooks.due(FAR_MS, [], 10);
    if (events.length === 0) break;
    for (const { lane, id } of events) told.get(lane)?.push(id);
    await one.webhooks.settle(events.map(({ position }) => ({ kind: "sent", position })));
  }
  const inOrder = (id: string) => Array.from({ length: count }, (_, at) => `${id}#${at + 1}`);
  expect([...told]).toEqual(ids.map((id) => [id, inOrder(id)]));
});

test("no notice is left of a target that goes while it is made", async () => {
  await one.chat.commit(batch({ conversations: [conversation()] }));
  for (let seq = 1; seq <= 60; seq += 1) {
    await one.notices.putTarget(target("browser"));
    await say(one, message(seq));
    await Promise.all([
      expandAll(one.notices),
      seq % 2 === 0
        ? other.notices.removeTarget("bob", "browser")
        : other.notices.putTarget(
            target("moved", { userId: "carol", address: "https://push.example/browser" }),
          ),
    ]);
    expect(await one.notices.nextDueMs(["webpush"])).toBeNull();
  }
});
