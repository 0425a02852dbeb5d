import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { AppError } from "../../src/errors.ts";
import { closeFrame, decodeMessages, encodeMessage } from "../../src/sockjs/framing.ts";

describe("a frame", () => {
  test("of one message", () => expect(encodeMessage('a"\n\0')).toBe('a["a\\"\\n\\u0000"]'));

  test("of a close", () => {
    expect(closeFrame(3000, "Go away!")).toBe('c[3000,"Go away!"]');
  });
});

/** What the protocol's own server escapes. */
const ESCAPABLE = /[\x00-\x1f\ud800-\udfff\u200c-\u200f\u2028-\u202f\u2060-\u206f\ufff0-\uffff]/;

describe("a message", () => {
  test("has none of the unsafe characters on the wire, and comes back whole", () => {
    for (let unit = 0; unit <= 0xffff; unit += 1) {
      const message = `x${String.fromCharCode(unit)}y`;
      const frame = encodeMessage(message);
      if (ESCAPABLE.test(frame)) throw new Error(`U+${unit.toString(16)} is not escaped`);
      expect(JSON.parse(frame.slice(1))).toEqual([message]);
    }
  });

  test("keeps its letters as they are", () => {
    expect(encodeMessage("äß漢字ж")).toBe('a["äß漢字ж"]');
  });

  test("escapes DEL, alone in ASCII as among other characters", () => {
    expect(encodeMessage("a\u007fb")).toBe('a["a\\u007fb"]');
    expect(encodeMessage("ä\u007fb")).toBe('a["ä\\u007fb"]');
  });

  test("escapes a pair of surrogates half by half", () => {
    expect(encodeMessage("😀")).toBe('a["\\ud83d\\ude00"]');
  });

  test("comes back, whatever it is", () => {
    const message = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(fc.nat(0xffff)).map((units) => String.fromCharCode(...units)),
    );
    const property = fc.property(message, (text) => {
      expect(decodeMessages(encodeMessage(text).slice(1))).toEqual([text]);
    });
    fc.assert(property);
  });
});

describe("what a client sends", () => {
  for (const [text, messages] of [
    ['["a","b"]', ["a", "b"]],
    ['["\\ud83d\\ude00\\u0000"]', ["😀\0"]],
    ["[]", []],
    ['"a"', ["a"]],
    ["", []],
  ] as const) {
    test(`is messages: ${text}`, () => expect(decodeMessages(text)).toEqual([...messages]));
  }

  for (const text of [
    ...['["a"', "a", "[1]", '["a",null]', '[["a"]]', "{}", '{"length":0}', "null", "1", "true"],
    ...["\0", "[".repeat(100_000)],
  ]) {
    test(`is refused: ${text.slice(0, 20)}`, () => {
      const decode = () => decodeMessages(text);
      expect(decode).toThrow(AppError);
      expect(decode).toThrow(expect.objectContaining({ code: "MALFORMED_FRAME" }));
    });
  }
});
