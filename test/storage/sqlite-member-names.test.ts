import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import type { WriteBatch } from "../../src/chat/chat-writes.ts";
import { MemberNames } from "../../src/storage/sqlite-member-names.ts";
import { migrate } from "../../src/storage/sqlite-migrations.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { batch, conversation } from "../support/stored.ts";

/** More than two pages of names, some of them in many conversations. */
const STORED = 2_500;

function databaseWith(count: number): Database {
  const db = new Database(":memory:");
  migrate(db);
  const conversation = db.query(
    "INSERT INTO conversations (id, kind, created_ms) VALUES (?, 'group', 0)",
  );
  const member = db.query(
    "INSERT INTO members (conversation_id, user_id, position) VALUES (?, ?, ?)",
  );
  for (const id of ["c1", "c2"]) {
    conversation.run(id);
    for (let number = 0; number < count; number += 1) member.run(id, `user-${number}`, number);
  }
  return db;
}

function members(conversationId: string, userId: string): WriteBatch {
  return batch({
    addedMembers: [
      { conversationId, userId, joinedSeq: 0, deliveredSeq: 0, readSeq: 0, role: "member" },
    ],
  });
}

test("nobody is surely in none until all names are read, and no member is ever", () => {
  const clock = new FakeClock();
  const names = new MemberNames(databaseWith(STORED), clock);
  expect(names.surelyNone("stranger")).toBe(false);
  clock.advance(1);
  expect(names.surelyNone("stranger")).toBe(false);
  clock.advance(10);
  expect(names.surelyNone("stranger")).toBe(true);
  const taken = Array.from({ length: STORED }, (_, number) => `user-${number}`);
  expect(taken.filter((userId) => names.surelyNone(userId))).toEqual([]);
});

test("who joins while names are read is known, wherever their name stands", () => {
  const clock = new FakeClock();
  const db = databaseWith(STORED);
  const names = new MemberNames(db, clock);
  for (const userId of ["a newcomer", "zoe"]) {
    names.addAll(members("c1", userId));
    db.query("INSERT INTO members (conversation_id, user_id, position) VALUES ('c1', ?, 9999)").run(
      userId,
    );
  }
  clock.advance(10);
  expect(names.surelyNone("stranger")).toBe(true);
  expect(["a newcomer", "zoe"].filter((userId) => names.surelyNone(userId))).toEqual([]);
});

test("members of new conversations are known, as the database keeps their names", () => {
  const names = new MemberNames(databaseWith(0), new FakeClock());
  expect(names.surelyNone("alice")).toBe(true);
  const opened = conversation("c1", ["alice", "\ud83d"]);
  names.addAll(batch({ conversations: [opened] }));
  expect(names.surelyNone("alice")).toBe(false);
  expect(names.surelyNone("\ufffd")).toBe(false);
  expect(names.surelyNone("bob")).toBe(true);
});

test("past the most names that are kept nobody is, nor after the stop", () => {
  const clock = new FakeClock();
  const crowded = new MemberNames(databaseWith(5), clock, 6);
  expect(crowded.surelyNone("stranger")).toBe(true);
  crowded.addAll(members("c1", "the sixth"));
  expect(crowded.surelyNone("stranger")).toBe(false);
  const stopped = new MemberNames(databaseWith(0), clock);
  stopped.stop();
  expect(stopped.surelyNone("stranger")).toBe(false);
});
