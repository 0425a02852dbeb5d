import { expect, test } from "bun:test";
import fc from "fast-check";
import { signValue } from "../../../src/auth/signed-value.ts";
import {
  readUnsubscribeToken,
  unsubscribeToken,
} from "../../../src/notify/email/unsubscribe-token.ts";

const SECRET = "0123456789abcdef0123456789abcdef";
const BOB = { userId: "bob", targetId: "0193a000-0000-7000-8000-00000000000b" };

test("tells whose it is, and stands in a URL as it is", () => {
  const anyone = fc.record({ userId: fc.string({ unit: "grapheme" }), targetId: fc.uuid() });
  fc.assert(
    fc.property(anyone, (subscription) => {
      const token = unsubscribeToken(subscription, SECRET);
      expect(token).toMatch(/^[\w-]+\.[\w-]+$/);
      expect(readUnsubscribeToken(token, SECRET)).toEqual(subscription);
    }),
  );
});

test("is none of another secret", () => {
  const token = unsubscribeToken(BOB, SECRET);
  expect(readUnsubscribeToken(token, SECRET.toUpperCase())).toBeNull();
});

test("is none with any character changed, or none, or a part of it", () => {
  const token = unsubscribeToken(BOB, SECRET);
  for (let at = 0; at < token.length - 1; at += 1) {
    const other = token[at] === "A" ? "B" : "A";
    const changed = token.slice(0, at) + other + token.slice(at + 1);
    expect(readUnsubscribeToken(changed, SECRET)).toBeNull();
    expect(readUnsubscribeToken(token.slice(0, at), SECRET)).toBeNull();
  }
});

test("of one user does not vouch for another", () => {
  const [, signature] = unsubscribeToken(BOB, SECRET).split(".");
  const [eve] = unsubscribeToken({ ...BOB, userId: "eve" }, SECRET).split(".");
  expect(readUnsubscribeToken(`${eve}.${signature}`, SECRET)).toBeNull();
});

test.each([
  "no JSON",
  JSON.stringify({ userId: "bob" }),
  JSON.stringify(["unsubscribe", "bob"]),
  JSON.stringify(["file", "bob", "target"]),
  JSON.stringify(["unsubscribe", 1, "target"]),
])("is none of what the same secret has signed for something else: %s", (text) => {
  const token = signValue(Buffer.from(text).toString("base64url"), SECRET);
  expect(readUnsubscribeToken(token, SECRET)).toBeNull();
});
