import { expect, test } from "bun:test";
import fc from "fast-check";
import { SharedTexts } from "../../src/session/shared-texts.ts";

test("every text is the same text, whatever came before it", () => {
  const texts = new SharedTexts();
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 60 }), (text) => {
      expect(texts.of(text)).toBe(text.toWellFormed());
    }),
  );
});

test("clients that choose ever new ones fill no memory, and leave room for what is usual", () => {
  const texts = new SharedTexts();
  for (let count = 0; count < 5_000; count += 1) texts.of(`chosen-${count}`);
  expect(texts.size).toBeLessThanOrEqual(1_024);
  const { size } = texts;
  for (const id of ["sub-0", "sub-1", "sub-0", "sub-1"]) expect(texts.of(id)).toBe(id);
  expect(texts.size).toBe(size + 2);
});

test("a long one is nobody else's, and is not remembered", () => {
  const texts = new SharedTexts();
  expect(texts.of("x".repeat(33))).toBe("x".repeat(33));
  expect(texts.size).toBe(0);
});
