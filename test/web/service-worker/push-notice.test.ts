import { describe, expect, test } from "bun:test";
import { noticeOf } from "../../../src/web/service-worker/push-notice.ts";

const direct = {
  ...{ version: 1, key: "0f".repeat(16), conversationId: "dm:alice:bob", kind: "direct" },
  ...{ title: null, count: 1, senderId: "bob", senderName: "Bob", content: "See you at eight?" },
  ...{ timestamp: "2026-01-01T12:00:00.000Z", mentionsYou: false },
};
const group = { ...direct, conversationId: "g1", kind: "group", title: "Gardeners" };

function shown(fields: object) {
  const { title, body } = noticeOf(JSON.stringify(fields));
  return [title, body];
}

describe("a push message is shown", () => {
  test("of a direct conversation, under the sender's name", () => {
    expect(noticeOf(JSON.stringify(direct))).toEqual({
      ...{ key: direct.key, conversationId: "dm:alice:bob" },
      ...{ title: "Bob", body: "See you at eight?", timestampMs: Date.UTC(2026, 0, 1, 12) },
    });
  });

  test("of a group, under its name, with who has said it", () => {
    expect(shown(group)).toEqual(["Gardeners", "Bob: See you at eight?"]);
    expect(shown({ ...group, mentionsYou: true })).toEqual([
      ...["Gardeners", "Bob mentions you: See you at eight?"],
    ]);
    expect(shown({ ...group, title: null })[0]).toBe("Bob");
  });

  test("with how many there are, if there are several", () => {
    expect(shown({ ...direct, count: 3 })).toEqual(["Bob (3 new messages)", "See you at eight?"]);
    expect(shown({ ...group, count: 12 })[0]).toBe("Gardeners (12 new messages)");
    for (const count of [0, -1, 1.5, "3", null]) expect(shown({ ...direct, count })[0]).toBe("Bob");
  });

  test("without what it does not have: a file's text, a name", () => {
    expect(shown({ ...direct, content: "  " })).toEqual(["Bob", "New message"]);
    expect(shown({ ...group, content: "" })).toEqual(["Gardeners", "Bob: New message"]);
    expect(shown({ ...direct, senderName: undefined })).toEqual(["bob", "See you at eight?"]);
    expect(noticeOf(JSON.stringify({ ...direct, timestamp: "soon" })).timestampMs).toBeNull();
  });

  test("without content that did not come along, but leads to its conversation", () => {
    const { version, key, conversationId, kind, count } = { ...group, count: 1 };
    const bare = { version, key, conversationId, kind, count };
    expect(noticeOf(JSON.stringify(bare))).toEqual({
      ...{ key, conversationId, title: "New message", body: "", timestampMs: null },
    });
    expect(shown({ ...bare, count: 4 })).toEqual(["4 new messages", ""]);
  });

  test("cut to what a notice has room for, by whole characters", () => {
    const family = "\u{1f468}\u200d\u{1f469}\u200d\u{1f467}";
    const [title = "", body = ""] = shown({
      ...direct,
      ...{ senderName: "N".repeat(500), content: family.repeat(500), count: 2 },
    });
    expect(title).toBe(`${"N".repeat(59)}… (2 new messages)`);
    expect(body.length).toBeLessThanOrEqual(240);
    expect(body.replaceAll(family, "")).toBe("…");
    expect(shown({ ...direct, content: "x".repeat(240) })[1]).toBe("x".repeat(240));
  });

  test("without signs that make a name look like another one", () => {
    expect(shown({ ...direct, senderName: "\u202eboB", content: "a\u2066b" })).toEqual([
      ...["boB", "ab"],
    ]);
    const id = "a\u202eb";
    expect(noticeOf(JSON.stringify({ ...direct, conversationId: id })).conversationId).toBe(id);
  });
});

test.each([
  ["nothing", null],
  ["an empty text", ""],
  ["no JSON", "{"],
  ["no object", '"hello"'],
  ["null", "null"],
  ["a list", "[1]"],
  ["no conversation", JSON.stringify({ ...direct, conversationId: undefined })],
  ["a conversation of another type", JSON.stringify({ ...direct, conversationId: 7 })],
  ["the form of a later server", JSON.stringify({ ...direct, version: 2 })],
])("what cannot be read is a notice all the same: %s", (_, payload) => {
  expect(noticeOf(payload)).toEqual({
    ...{ key: null, conversationId: null, title: "New message", body: "", timestampMs: null },
  });
});
