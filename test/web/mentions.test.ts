import { describe, expect, test } from "bun:test";
import { unreadMentions } from "../../src/web/conversation.ts";
import {
  mentionParts,
  mentionStart,
  namedIn,
  namedInEdit,
  offered,
} from "../../src/web/mentions.ts";
import type { Event } from "../../src/web/state.ts";
import { arrived, DM, listed, opened, page, stateAfter, wireMessage } from "./support.ts";

const ann = { userId: "ann", name: "Ann" };
const annLee = { userId: "lee", name: "Ann Lee" };
const bob = { userId: "bob", name: "Bob" };
const otherBob = { userId: "bob.2", name: "Bob" };

test("a name is being written behind an @ at the beginning of a word", () => {
  expect(mentionStart("@", 1)).toEqual({ start: 0, typed: "" });
  expect(mentionStart("hey @an and", 7)).toEqual({ start: 4, typed: "an" });
  expect(mentionStart("(@an", 4)).toEqual({ start: 1, typed: "an" });
  for (const text of ["mail ann@example", "hey @an ", "no name", "@@"]) {
    expect(mentionStart(text, text.length)).toBeNull();
  }
});

test("who is offered begins with what is typed, or has a word that does", () => {
  const members = [annLee, otherBob, ann];
  expect(offered(members, "").map(({ userId }) => userId)).toEqual(["ann", "lee", "bob.2"]);
  expect(offered(members, "LE").map(({ userId }) => userId)).toEqual(["lee"]);
  expect(offered(members, "2").map(({ userId }) => userId)).toEqual(["bob.2"]);
  expect(offered(members, "nn")).toEqual([]);
});

describe("who is named in a text", () => {
  test("is found by whole names, the longest first", () => {
    const members = [ann, annLee, bob];
    expect(namedIn("@Ann Lee, meet @Bob!", members, new Set())).toEqual(["lee", "bob"]);
    expect(namedIn("@Bobby and me@Ann and @ann", members, new Set())).toEqual([]);
  });

  test("is, of namesakes, who was picked", () => {
    const members = [bob, otherBob];
    expect(namedIn("@Bob", members, new Set(["bob.2"]))).toEqual(["bob.2"]);
    expect(namedIn("@Bob", members, new Set())).toEqual(["bob", "bob.2"]);
  });

  test("is, when the text is edited, whom it named of namesakes, and whom nobody here knows", () => {
    const before = ["bob.2", "far", "ann"];
    const named = (text: string, ...picked: string[]) =>
      namedInEdit(text, [ann, bob, otherBob], new Set(picked), before);
    expect(named("@Bob")).toEqual(["far", "bob.2"]);
    expect(named("@Bob and @Bob", "bob")).toEqual(["far", "bob", "bob.2"]);
    expect(named("@Ann")).toEqual(["far", "ann"]);
  });

  test("stands out in its parts, which together are the text", () => {
    expect(mentionParts("a @Bob b@Bob @Bob", ["Bob"])).toEqual([
      ...["a ", { start: 2, name: "Bob" }, " b@Bob ", { start: 13, name: "Bob" }],
    ]);
    expect(mentionParts("plain @", [""])).toEqual(["plain @"]);
  });
});

test("unread messages that name the user are counted until they are read", () => {
  const mine = { mentions: ["alice"] };
  const count = (...events: readonly Event[]) => {
    const conversation = stateAfter(...events).conversations[DM];
    return conversation && unreadMentions(conversation, "alice");
  };
  const list = listed({ unread: 9, unreadMentions: 2, lastMessage: wireMessage(9, mine) });
  expect(count(list)).toBe(2);
  expect(count(list, arrived(10), arrived(11, mine))).toBe(3);
  expect(count(arrived(1, mine), arrived(2, { ...mine, senderId: "alice" }))).toBe(1);
  const messages = [7, 8, 9].map((seq) => wireMessage(seq, seq === 8 ? {} : mine));
  expect(count(list, opened, page(messages))).toBe(2);
  const read = { kind: "read-reported", conversationId: DM, seq: 9 } as const;
  expect(count(list, read)).toBe(0);
});
