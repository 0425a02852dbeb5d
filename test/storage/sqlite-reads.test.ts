import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { ChatWrites } from "../../src/storage/sqlite-chat-writes.ts";
import { ERASURE_READS } from "../../src/storage/sqlite-erasure-writes.ts";
import { MIGRATIONS, migrate } from "../../src/storage/sqlite-migrations.ts";
import { READS } from "../../src/storage/sqlite-reads.ts";
import { REMOVALS, Removals } from "../../src/storage/sqlite-removals.ts";
import { writeOldChat } from "../support/old-database.ts";
import { batch, EPOCH_MS, identity, message, messages } from "../support/stored.ts";

describe("every read goes by an index:", () => {
  const db = new Database(":memory:");
  migrate(db);

  const planOf = (sql: string) =>
    db.query<{ detail: string; parent: number }, []>(`EXPLAIN QUERY PLAN ${sql}`).all();

  const erasureReads = Object.fromEntries(
    Object.entries(ERASURE_READS).map(([name, sql]) => [`to erase: ${name}`, sql]),
  );

  for (const [name, sql] of Object.entries({ ...READS, ...REMOVALS, ...erasureReads })) {
    test(name, () => {
      const plan = planOf(sql);
      const scans = plan.map(({ detail }) => detail).filter((detail) => /^SCAN\b/.test(detail));
      // What was asked for or found is gone through, what matches in the index of words, all queue messages, revocations, blocks, erasures under way, and nothing else.
      const meant =
        /^SCAN (wanted|own|ours|theirs|json_each|search VIRTUAL TABLE INDEX \d+:M|(?:page|listed|CONSTANT ROW|\(subquery-\d+\)|queue_messages|revocations|blocks|erasures USING INDEX erasures_under_way)$)/;
      expect(scans.filter((detail) => !meant.test(detail))).toEqual([]);
      expect(plan.map(({ detail }) => detail).join("\n")).not.toContain("AUTOMATIC");
    });
  }

  test("neither pages of history, of users and of what is theirs, nor what expires, nor the queues' messages need sorting", () => {
    const { historyAfter, historyBefore, queueMessages } = READS;
    const { bottoms, bottomMessages } = REMOVALS;
    const ofUsers = [
      READS.membershipsOf,
      READS.attachmentsUnsent,
      READS.messagesWithClientId,
      READS.messagesWithoutClientId,
    ];
    const inPages = [...ofUsers, READS.userList, READS.reactionsOf, READS.invitesBy];
    const paged = [...inPages, ...Object.values(ERASURE_READS)];
    const webhooks = [READS.webhooksDue, READS.webhooksNextDue, READS.messagesBehind];
    const messages = [historyAfter, historyBefore, queueMessages, bottoms, bottomMessages];
    const others = [...messages, ...webhooks];
    for (const sql of [...others, ...paged]) {
      // What is asked of each row, such as its few reactions, may be sorted.
      const plan = planOf(sql).filter(({ parent }) => parent === 0);
      expect(plan.map(({ detail }) => detail).join("\n")).not.toContain("TEMP B-TREE");
    }
  });
});

test("whatever takes messages away lets their attachments go, by an index", () => {
  const db = new Database(":memory:");
  migrate(db);
  db.run("INSERT INTO conversations (id, kind, created_ms) VALUES ('chat', 'direct', 0)");
  for (const id of ["removed", "emptied", "deleted", "edited"]) {
    db.run(
      `INSERT INTO messages (id, conversation_id, seq, sender_id, timestamp_ms, sender_name, type,
                             content, attachments)
       SELECT ?1, 'chat', count(*), 'alice', 0, 'Alice', 'TEXT', '', '[]' FROM messages`,
      [id],
    );
    db.run(
      `INSERT INTO attachments (id, uploader_id, message_id, name, type, size, has_thumbnail,
                                created_ms) VALUES (?1, 'alice', ?1, '', '', 0, 0, 0)`,
      [id],
    );
  }
  db.run("DELETE FROM messages WHERE id = 'removed'");
  db.run("UPDATE messages SET attachments = NULL WHERE id = 'emptied'");
  db.run("UPDATE messages SET content = '', deleted_ms = 1 WHERE id = 'deleted'");
  db.run("UPDATE messages SET content = 'x', edited_ms = 1 WHERE id = 'edited'");
  const gone = db.query<{ id: string }, []>(
    "SELECT id FROM attachments WHERE remove_ms = 0 ORDER BY id",
  );
  expect(gone.all().map(({ id }) => id)).toEqual(["deleted", "emptied", "removed"]);
  const plan = db
    .query<{ detail: string }, []>(
      "EXPLAIN QUERY PLAN UPDATE attachments SET remove_ms = 0 WHERE message_id = 'removed'",
    )
    .all();
  expect(plan.map(({ detail }) => detail).join()).toContain("attachments_by_message");
});

describe("migrations", () => {
  const steps = [
    "CREATE TABLE a (n INTEGER)",
    "CREATE TABLE b (n INTEGER); INSERT INTO b VALUES (1)",
  ];
  const version = (db: Database) => db.query("PRAGMA user_version").get();

  test("are done once each", () => {
    const db = new Database(":memory:");
    migrate(db, steps.slice(0, 1));
    expect(version(db)).toEqual({ user_version: 1 });
    migrate(db, steps);
    migrate(db, steps);
    expect(version(db)).toEqual({ user_version: 2 });
    expect(db.query("SELECT n FROM b").all()).toEqual([{ n: 1 }]);
  });

  test("that fail leave the version before, and can be tried again", () => {
    const db = new Database(":memory:");
    const broken = [...steps, "CREATE TABLE c (n INTEGER); CREATE TABLE a (n INTEGER)"];
    expect(() => migrate(db, broken)).toThrow("already exists");
    expect(version(db)).toEqual({ user_version: 2 });
    migrate(db, [...steps, "CREATE TABLE c (n INTEGER)"]);
    expect(version(db)).toEqual({ user_version: 3 });
  });

  test("leave the chats of a database of version 1 as they are", () => {
    const db = new Database(":memory:");
    migrate(db, MIGRATIONS.slice(0, 1));
    writeOldChat(db, messages(3));
    migrate(db);
    expect(db.query(READS.messageById).get("chat#3")).toEqual(message(3));
    expect(db.query(READS.conversation).get("chat")).toMatchObject({ lastSeq: 3 });
    expect(db.query(READS.queueMessages).all()).toEqual([]);
    expect(db.query(READS.members).all("chat")).toEqual([
      { userId: "alice", joinedSeq: 0, deliveredSeq: 0, readSeq: 0, role: "member" },
      { userId: "bob", joinedSeq: 0, deliveredSeq: 0, readSeq: 0, role: "member" },
    ]);
    const sql = READS.conversationOverview;
    const overview = db.query<{ unread: number }, [{ userId: string; id: string }]>(sql);
    const unreadOf = (userId: string) => overview.get({ userId, id: "chat" })?.unread;
    expect([unreadOf("alice"), unreadOf("bob")]).toEqual([0, 3]); // Alice has written them.
  });

  test("let a message of version 2 expire, and none be sent in its place", () => {
    const db = new Database(":memory:");
    migrate(db, MIGRATIONS.slice(0, 2));
    const sent = message(1, { clientMessageId: "c-1" });
    writeOldChat(db, [sent]);
    migrate(db);
    const portion = { beforeMs: EPOCH_MS + 10, keepLast: null, after: null, limit: 10 };
    expect(new Removals(db).apply(portion)).toEqual({ removed: 1, next: null });
    expect(db.query(READS.messageByClientId).get("alice", "c-1")).toEqual(identity(sent));
    const again = batch({ messages: [message(2, { clientMessageId: "c-1" })] });
    expect(() => new ChatWrites(db).apply(again)).toThrow("sent before");
  });

  test("keep to the number that the database says", () => {
    const db = new Database(":memory:");
    migrate(db);
    expect(version(db)).toEqual({ user_version: MIGRATIONS.length });
  });
});
