import { expect, test } from "bun:test";
import fc from "fast-check";
import { oneLine } from "../../../src/notify/email/one-line.ts";

const ANY_TEXT = fc.string({
  unit: fc.oneof(
    fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
    fc.constantFrom("\r\n", " ", "\u202e", "👩‍👩‍👧", "e\u0301"),
  ),
  maxLength: 400,
});

test.each([
  ["", ""],
  ["  two\r\n\tlines\u2028 and\u0000 more ", "two lines and more"],
  ["a\u202egnp.exe\u2066b\u200f", "agnp.exeb"],
  ["broken \ud83d half", "broken \ufffd half"],
  ["👩‍👩‍👧 family", "👩‍👩‍👧 family"],
  ["نقش‌ها", "نقش‌ها"],
  ["\u202e\n \u2069", ""],
])("%j is %j", (text, line) => {
  expect(oneLine(text, 40)).toBe(line);
});

test("what is too long ends at a word, or at a character where there is none", () => {
  expect(oneLine("one two three four", 15)).toBe("one two three…");
  expect(oneLine("x".repeat(50), 40)).toBe(`${"x".repeat(40)}…`);
  expect(oneLine(`short ${"x".repeat(500)}`, 40)).toBe(`short ${"x".repeat(34)}…`);
  expect(oneLine("👩‍👩‍👧".repeat(3), 20)).toBe(`${"👩‍👩‍👧".repeat(2)}…`);
  expect(oneLine(`begins${"\n".repeat(1_000)}ends`, 40)).toBe("begins…");
});

test("is one line of well-formed text, of no more than was asked for, whatever comes", () => {
  fc.assert(
    fc.property(ANY_TEXT, fc.integer({ min: 1, max: 60 }), (text, most) => {
      const line = oneLine(text, most);
      expect(line.isWellFormed()).toBe(true);
      expect(line.length).toBeLessThanOrEqual(most + 1);
      expect(line).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u);
      expect(line).toBe(line.trim());
    }),
  );
});
