import { expect, test } from "bun:test";
import { askedRange } from "../../src/http/byte-range.ts";

// Of ten bytes.
test.each([
  ["bytes=0-0", { start: 0, end: 1 }],
  ["bytes=3-5", { start: 3, end: 6 }],
  ["bytes=9-", { start: 9, end: 10 }],
  ["bytes=0-99", { start: 0, end: 10 }],
  ["bytes=-3", { start: 7, end: 10 }],
  ["bytes=-99", { start: 0, end: 10 }],
  ["bytes=10-", "unsatisfiable"],
  ["bytes=99-100", "unsatisfiable"],
  ["bytes=-0", "unsatisfiable"],
  ["bytes=5-3", null],
  ["bytes=-", null],
  ["bytes=0-1,3-4", null],
  ["bytes=a-b", null],
  ["bytes=1.5-2", null],
  [`bytes=${"9".repeat(30)}-`, null],
  ["items=0-1", null],
  ["", null],
  [undefined, null],
] as const)("%p asks for %p", (header, range) => {
  expect(askedRange(header, 10)).toEqual(range);
});

test("of nothing there is no part", () => {
  expect(askedRange("bytes=0-", 0)).toBe("unsatisfiable");
});
