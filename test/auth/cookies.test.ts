import { expect, test } from "bun:test";
import { cookieValue } from "../../src/auth/cookies.ts";

test.each([
  ["session=abc", "abc"],
  ["a=1; session=abc; b=2", "abc"],
  ["a=1;session=abc;b=2", "abc"],
  ["session = abc ", "abc"],
  ['session="abc"', "abc"],
  ["session=a=b==", "a=b=="],
  ["session=s%3Aabc", "s%3Aabc"],
])("%j has the session %j", (header, value) => {
  expect(cookieValue(header, "session")).toBe(value);
});

test("of several cookies by one name the first holds, whatever the others are", () => {
  expect(cookieValue("session=first; session=second", "session")).toBe("first");
  expect(cookieValue('session=""; session=second', "session")).toBeUndefined();
});

test.each([
  undefined,
  "",
  "session",
  "session=",
  "Session=abc",
  "xsession=abc",
  "session2=abc",
  "a=session=abc",
  'a="x; session"=abc',
])("%j has no session", (header) => {
  expect(cookieValue(header, "session")).toBeUndefined();
});

test("a header that is longer than any browser's is not read", () => {
  expect(cookieValue(`session=abc; a=${"x".repeat(16_384)}`, "session")).toBeUndefined();
});
