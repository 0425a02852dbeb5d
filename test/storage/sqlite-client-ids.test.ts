import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { ClientIds } from "../../src/storage/sqlite-client-ids.ts";
import { migrate } from "../../src/storage/sqlite-migrations.ts";
import { FakeClock } from "../support/fake-clock.ts";

/** More than two pages of one sender, and others around it. */
const STORED = 2_500;

function databaseWith(table: "messages" | "removed_messages", count: number): Database {
  const db = new Database(":memory:");
  migrate(db);
  db.run("INSERT INTO conversations (id, kind, created_ms) VALUES ('c', 'direct', 0)");
  const insert = db.query(
    table === "messages"
      ? `INSERT INTO messages (sender_id, client_message_id, id, conversation_id, seq,
                               timestamp_ms, sender_name, type, content)
         VALUES (?, ?, ?, 'c', ?, 0, '', 'TEXT', '')`
      : `INSERT INTO removed_messages (sender_id, client_message_id, id, conversation_id, seq)
         VALUES (?, ?, ?, 'c', ?)`,
  );
  for (let seq = 1; seq <= count; seq += 1)
    insert.run(senderOf(seq), `own-${seq}`, `m-${seq}`, seq);
  return db;
}

function senderOf(seq: number): string {
  return seq % 10 === 0 ? `user-${seq}` : "user";
}

/** The stored ids that are taken for new. */
function takenForNew(ids: ClientIds): number[] {
  const seqs = Array.from({ length: STORED }, (_, at) => at + 1);
  return seqs.filter((seq) => ids.surelyNew(senderOf(seq), `own-${seq}`));
}

for (const table of ["messages", "removed_messages"] as const) {
  test(`what ${table} has is never new, and nothing is until all of it is read`, () => {
    const clock = new FakeClock();
    const ids = new ClientIds(databaseWith(table, STORED), clock);
    expect(ids.surelyNew("user", "other")).toBe(false);
    clock.advance(1);
    expect(ids.surelyNew("user", "other")).toBe(false);
    clock.advance(10);
    expect(ids.surelyNew("user", "other")).toBe(true);
    expect(takenForNew(ids)).toEqual([]);
  });
}

test("a message that expires while the ids are read is not missed", () => {
  const clock = new FakeClock();
  const db = databaseWith("messages", STORED);
  const ids = new ClientIds(db, clock);
  // All that the next pages would have shown goes where it was, to what the last page shows.
  db.run(
    `INSERT INTO removed_messages (sender_id, client_message_id, id, conversation_id, seq)
     SELECT sender_id, client_message_id, id, conversation_id, seq FROM messages`,
  );
  db.run("DELETE FROM messages");
  clock.advance(10);
  expect(ids.surelyNew("user", "other")).toBe(true);
  expect(takenForNew(ids)).toEqual([]);
});

test("an empty database is read at once, and what is added is known", () => {
  const ids = new ClientIds(databaseWith("messages", 0), new FakeClock());
  expect(ids.surelyNew("user", "own")).toBe(true);
  ids.add("user", "own");
  expect(ids.surelyNew("user", "own")).toBe(false);
  expect(ids.surelyNew("use", "r own")).toBe(true);
});

test("an id is known as the database keeps it", () => {
  const ids = new ClientIds(databaseWith("messages", 0), new FakeClock());
  ids.add("user", "half a pair \ud83d");
  expect(ids.surelyNew("user", "half a pair \ufffd")).toBe(false);
});

test("past the most ids that are kept nothing is new, nor after the stop", () => {
  const crowded = new ClientIds(databaseWith("messages", 5), new FakeClock(), 7);
  expect(crowded.surelyNew("user", "other")).toBe(true);
  crowded.add("user", "own-6");
  crowded.add("user", "own-7");
  expect(crowded.surelyNew("user", "other")).toBe(false);
  const stopped = new ClientIds(databaseWith("messages", 0), new FakeClock());
  stopped.stop();
  expect(stopped.surelyNew("user", "other")).toBe(false);
});

test("a database that cannot be read leaves nothing new", () => {
  const clock = new FakeClock();
  const db = databaseWith("messages", STORED);
  const ids = new ClientIds(db, clock);
  db.close();
  clock.advance(10);
  expect(ids.surelyNew("user", "other")).toBe(false);
});
