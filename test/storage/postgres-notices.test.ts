import { afterEach, beforeEach, expect, test } from "bun:test";
import { SQL } from "bun";
import { openPostgresStorage } from "../../src/storage/postgres.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { AT_ONCE, expandAll, NOW_MS, noticeKey, say, target } from "../support/noticed.ts";
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

test("what can be done again waits for no disk, unlike what cannot, and an empty outbox writes nothing", async () => {
  const databases = await postgresDatabases();
  await using sql = new SQL({ ...databases.server.connection(databases.sharedName), max: 1 });
  const watched = ["messages", "outbox", "notice_targets", "notices", "webhook_events"];
  await sql.unsafe(`
    CREATE TABLE parley.seen (name text, operation text, mode text);
    CREATE FUNCTION parley.see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      INSERT INTO parley.seen VALUES (TG_TABLE_NAME, TG_OP, current_setting('synchronous_commit'));
      RETURN NULL;
    END $$;`);
  for (const name of watched) {
    await sql.unsafe(`CREATE TRIGGER see AFTER INSERT OR UPDATE OR DELETE ON parley.${name}
                      FOR EACH ROW EXECUTE FUNCTION parley.see()`);
  }
  try {
    await one.chat.commit(batch({ conversations: [conversation()] }));
    await one.notices.putTarget(target("browser"));
    await say(one, message(1));
    await expandAll(one.notices, { webhooks: true });
    const sent = { sentMs: NOW_MS, nextMs: NOW_MS };
    await one.notices.settle([{ ...noticeKey(1), kind: "sent", ...sent }]);
    await one.notices.forgetSent(NOW_MS + 1);
    const [event] = await one.webhooks.due(FAR_MS, [], 10);
    await one.webhooks.settle([{ kind: "sent", position: event?.position ?? 0 }]);
    const seen = await sql.unsafe("SELECT DISTINCT name, operation, mode FROM parley.seen");
    const told = seen.map(({ name, operation, mode }: Record<string, string>) =>
      [operation, name, mode].join(" "),
    );
    expect(told.sort()).toEqual([
      ...["DELETE notices off", "DELETE outbox off", "DELETE webhook_events off"],
      ...["INSERT messages on", "INSERT notice_targets on", "INSERT notices off"],
      ...["INSERT outbox on", "INSERT webhook_events off", "UPDATE notices off"],
    ]);
    const marks = () => sql.unsafe("SELECT writer, token FROM parley.commit_marks ORDER BY writer");
    const before = await marks();
    await expandAll(one.notices);
    expect(await marks()).toEqual(before);
  } finally {
    for (const name of watched) await sql.unsafe(`DROP TRIGGER see ON parley.${name}`);
    await sql.unsafe("DROP FUNCTION parley.see(); DROP TABLE parley.seen");
  }
});
