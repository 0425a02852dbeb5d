import { expect, test } from "bun:test";
import { retryAfterMs } from "../../src/notify/retry-after.ts";

const NOW_MS = Date.UTC(1994, 10, 6, 8, 49, 0);

test.each([
  ["0", 0],
  ["120", 120_000],
  ["Sun, 06 Nov 1994 08:49:37 GMT", 37_000],
  ["Sunday, 06-Nov-94 08:49:37 GMT", 37_000],
  ["Sun Nov  6 08:49:37 1994", 37_000],
  ["Sun, 06 Nov 1994 08:48:00 GMT", 0],
  ["86401", 86_400_000],
  ["999999999999999999999999", 86_400_000],
  ["Fri, 31 Dec 1999 23:59:59 GMT", 86_400_000],
])("%s", (header, waitMs) => {
  expect(retryAfterMs(header, NOW_MS)).toBe(waitMs);
});

test.each([undefined, null, "", "soon", "-1", "1.5", "1994-11-06T08:49:37Z"])(
  "%p says nothing",
  (header) => {
    expect(retryAfterMs(header, NOW_MS)).toBeNull();
  },
);
