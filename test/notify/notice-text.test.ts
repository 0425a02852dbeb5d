import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { cutText, noticeText } from "../../src/notify/notice-text.ts";
import { MOST_COUNTED } from "../../src/notify/provider.ts";
import { noticeOf } from "../support/notices.ts";

const OPTIONS = { showContent: true, titleBytes: 60, bodyBytes: 120 };
const textOf = (given: Parameters<typeof noticeOf>[0], options = OPTIONS) =>
  noticeText(noticeOf(given), options);

describe("a notice of a direct conversation", () => {
  test("has the sender's name, and what they say", () => {
    expect(textOf({})).toEqual({ title: "Ann", body: "Hello Bob" });
  });

  test("says how many messages are new, and what the newest says", () => {
    expect(textOf({ count: 3 })).toEqual({ title: "Ann (3 new)", body: "Hello Bob" });
    expect(textOf({ count: MOST_COUNTED }).title).toBe("Ann (99+ new)");
  });

  test("has the sender's id where there is no name", () => {
    expect(textOf({ newest: { senderName: " " } }).title).toBe("ann");
  });
});

describe("a notice of a group", () => {
  const group = { kind: "group", title: "Hiking" } as const;

  test("has the group's title, and who says what", () => {
    expect(textOf(group)).toEqual({ title: "Hiking", body: "Ann: Hello Bob" });
    expect(textOf({ ...group, count: 12 }).title).toBe("Hiking (12 new)");
  });

  test("says that the user is mentioned", () => {
    const { body } = textOf({ ...group, newest: { mentionsUser: true } });
    expect(body).toBe("Ann mentioned you: Hello Bob");
  });

  test("without a title is one of a group", () => {
    expect(textOf({ ...group, title: null }).title).toBe("Group");
  });

  test("says who sent something that is no text", () => {
    expect(textOf({ ...group, newest: { content: "" } }).body).toBe("Ann sent an attachment");
  });
});

describe("what is no text", () => {
  test.each([
    ["TEXT", "", "Sent an attachment"],
    ["TEXT", " \n ", "Sent an attachment"],
    ["IMAGE", "https://cdn.example/1.png", "Sent a picture"],
    ["voice", "", "Sent a voice message"],
    ["x-call", '{"sdp":"v=0"}', "Sent a message"],
    ["x-call", "", "Sent an attachment"],
  ])("of the type %s with the content %j: %s", (type, content, body) => {
    expect(textOf({ newest: { type, content } }).body).toBe(body);
  });
});

describe("a notice without content", () => {
  test("says how many messages there are, and nothing of them", () => {
    expect(textOf({ isPrivate: true })).toEqual({ title: "New message", body: "" });
    const quiet = { ...OPTIONS, showContent: false };
    expect(textOf({ count: 5, kind: "group", title: "Hiking" }, quiet)).toEqual({
      ...{ title: "5 new messages", body: "" },
    });
    expect(textOf({ count: MOST_COUNTED }, quiet).title).toBe("99+ new messages");
  });
});

describe("texts", () => {
  test("are of one line, without control characters", () => {
    const newest = {
      senderName: "Ann\u0000\u202e\u2028Lee",
      content: " one\r\n\r\n\ttwo\u001b[1m ",
    };
    expect(textOf({ newest })).toEqual({ title: "Ann Lee", body: "one two [1m" });
  });

  test("are cut with an ellipsis, and the count stays", () => {
    const long = "x".repeat(500);
    const { title, body } = textOf({ count: 7, newest: { senderName: long, content: long } });
    expect(title).toBe(`${"x".repeat(60 - 3 - " (7 new)".length)}… (7 new)`);
    expect(body).toBe(`${"x".repeat(117)}…`);
  });

  test("that fit are not cut", () => {
    expect(cutText("twelve bytes", 12)).toBe("twelve bytes");
    expect(cutText("twelve bytes", 11)).toBe("twelve b…");
  });

  test("are not cut within what users see as one character", () => {
    const family = "👨‍👩‍👧‍👦"; // 25 bytes
    expect(cutText(family.repeat(3), 60)).toBe(`${family.repeat(2)}…`);
    expect(cutText(`ab${family}`, 20)).toBe("ab…");
    expect(cutText("e\u0301e\u0301e\u0301", 7)).toBe("e\u0301…");
  });

  test("are well-formed and never longer than they may be", () => {
    const any = fc.string({ unit: "binary", maxLength: 80 });
    fc.assert(
      fc.property(any, any, fc.integer({ min: 20, max: 200 }), (name, content, bytes) => {
        const newest = { senderName: name, content };
        const options = { showContent: true, titleBytes: bytes, bodyBytes: bytes };
        const { title, body } = textOf({ count: 2, newest }, options);
        for (const text of [title, body]) {
          expect(text.isWellFormed()).toBe(true);
          expect(Buffer.byteLength(text)).toBeLessThanOrEqual(bytes);
          expect(text).not.toBe("");
        }
      }),
    );
  });
});
