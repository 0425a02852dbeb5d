import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import type { WriteBatch } from "../../src/chat/ports.ts";
import { migrate } from "../../src/storage/migrations.ts";
import { MemberNames } from "../../src/storage/sqlite-member-names.ts";
import { FakeClock } from "../support/fake-clock.ts";

/** More than two pages. */
const STORED = 2_500;

const NOTHING: WriteBatch = {
  ...{ conversations: [], messages: [], watermarks: [], users: [] },
  ...{ removedMembers: [], addedMembers: [] },
};

function databaseWith(count: number): Database {
  const db = new Database(":memory:");
  migrate(db);
  for (const id of ["c", "d"]) {
    db.run("INSERT INTO conversations (id, kind, created_ms) VALUES (?, 'group', 0)", [id]);
    const insert = db.query(
      "INSERT INTO members (conversation_id, user_id, position) VALUES (?, ?, ?)",
    );
    for (let at = 0; at < count; at += 1) insert.run(id, `user-${at}`, at);
  }
  return db;
}

test("no member is taken for none, and nobody is until all members are read", () => {
  const clock = new FakeClock();
  const names = new MemberNames(databaseWith(STORED), clock);
  expect(names.surelyNone("stranger")).toBe(false);
  clock.advance(1);
  expect(names.surelyNone("stranger")).toBe(false);
  clock.advance(10);
  expect(names.surelyNone("stranger")).toBe(true);
  const users = Array.from({ length: STORED }, (_, at) => `user-${at}`);
  expect(users.filter((userId) => names.surelyNone(userId))).toEqual([]);
});

test("who comes into a conversation is a member from then on", () => {
  const names = new MemberNames(databaseWith(0), new FakeClock());
  const at = { deliveredSeq: 0, readSeq: 0, joinedSeq: 0 };
  const conversation = { id: "c", kind: "group", createdMs: 0, memberIds: ["first"] } as const;
  expect(["first", "second"].map((userId) => names.surelyNone(userId))).toEqual([true, true]);
  names.addAll({ ...NOTHING, conversations: [conversation] });
  names.addAll({ ...NOTHING, addedMembers: [{ conversationId: "c", userId: "second", ...at }] });
  expect(["first", "second"].map((userId) => names.surelyNone(userId))).toEqual([false, false]);
  expect(names.surelyNone("third")).toBe(true);
});

test("past so many members, and once it is stopped, nothing is sure", () => {
  const crowded = new MemberNames(databaseWith(5), new FakeClock(), 5);
  expect(crowded.surelyNone("stranger")).toBe(false);
  const stopped = new MemberNames(databaseWith(0), new FakeClock());
  stopped.stop();
  expect(stopped.surelyNone("stranger")).toBe(false);
});

test("where the members cannot be read, nothing is sure", () => {
  const clock = new FakeClock();
  const db = databaseWith(STORED);
  const names = new MemberNames(db, clock);
  db.run("DROP TABLE members");
  clock.advance(10);
  expect(names.surelyNone("stranger")).toBe(false);
});
