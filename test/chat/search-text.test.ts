import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  excerptOf,
  MOST_TERMS,
  matchText,
  parseTerms,
  type SearchTerms,
  wordsOf,
} from "../../src/chat/search-text.ts";

function terms(text: string): SearchTerms {
  return parseTerms(text) ?? expect.unreachable("no words");
}

describe("words", () => {
  const texts = (text: string) => wordsOf(text).map((word) => word.text);

  test("are folded, and of scripts without spaces each character is one", () => {
    expect(texts("Don't  PANIC: é=é, ﬁne")).toEqual(["don", "t", "panic", "e", "e", "fine"]);
    expect(texts("İstanbul ΟΔΟΣ Straße")).toEqual(["istanbul", "οδοσ", "straße"]);
    expect(texts("你好world ひ")).toEqual(["你", "好", "world", "ひ"]);
    expect(texts("한국어 हिन्दी")).toEqual(["한국어", "हिन्दी"]);
    expect(texts("… 👍 --- ")).toEqual([]);
  });

  test("stand where they say, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), (text) => {
        let end = 0;
        for (const word of wordsOf(text)) {
          expect(word.start).toBeGreaterThanOrEqual(end);
          end = word.end;
          // The same word by itself, but for one that was cut.
          expect(texts(text.slice(word.start, word.end))).toEqual([word.text]);
        }
        expect(end).toBeLessThanOrEqual(text.length);
      }),
    );
  });

  test("that no language has are cut", () => {
    expect(texts("a".repeat(1_000))).toEqual(["a".repeat(64)]);
  });
});

describe("what is asked", () => {
  test("is words and phrases, the last word open where it is long enough", () => {
    expect(terms('one "two three" four')).toEqual({
      ...{ phrases: [["one"], ["two", "three"], ["four"]], isOpen: true },
    });
    expect(terms('"two three"').isOpen).toBe(false);
    expect(terms("ab").isOpen).toBe(false);
    expect(terms("e-mail")).toEqual({ phrases: [["e", "mail"]], isOpen: true });
    expect(terms('a "quote that does not end').phrases).toEqual([
      ...[["a"], ["quote"], ["that"], ["does"], ["not"], ["end"]],
    ]);
  });

  test("has some words, and not too many", () => {
    expect(parseTerms("")).toBeNull();
    expect(parseTerms('?! ""')).toBeNull();
    const words = (count: number) =>
      Array.from({ length: count }, (_, at) => `word${at}`).join(" ");
    expect(parseTerms(words(MOST_TERMS))).not.toBeNull();
    expect(parseTerms(words(MOST_TERMS + 1))).toBeNull();
    expect(parseTerms("我们明天下午三点在公司会议室开会讨论项目")).not.toBeNull();
    expect(parseTerms("我们".repeat(100))).toBeNull();
    expect(terms("word word wor word")).toEqual({ phrases: [["wor"], ["word"]], isOpen: true });
  });
});

describe("a match", () => {
  const ranges = (asked: string, text: string) => matchText(terms(asked), text)?.ranges ?? null;

  test("tells what was found, in order and without overlaps", () => {
    expect(ranges("fox fox brown", "Brown fox, fox.")).toEqual([
      ...[[0, 5] as const, [6, 9] as const, [11, 14] as const],
    ]);
    expect(ranges('"a b a"', "a b a b a")).toEqual([[0, 9]]);
    expect(ranges("fox wolf", "fox")).toBeNull();
  });

  test("every word of a text finds it, by itself and by its beginning", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 100 }), (text) => {
        for (const { text: word, start, end } of wordsOf(text)) {
          expect(matchText(terms(`"${text.slice(start, end)}"`), text)).not.toBeNull();
          const beginning = [...word].slice(0, 3).join("");
          if ([...beginning].length === 3 && parseTerms(beginning)?.phrases[0]?.length === 1) {
            expect(matchText(terms(beginning), text)).not.toBeNull();
          }
        }
      }),
    );
  });
});

describe("an excerpt", () => {
  const shown = (asked: string, text: string) => {
    const excerpt = excerptOf(text, matchText(terms(asked), text)?.ranges ?? []);
    const words = excerpt.highlights.map(([start, end]) => excerpt.text.slice(start, end));
    return { ...excerpt, words };
  };

  test("is a short text itself, and of a long one the part with what was found first", () => {
    expect(shown("world", "Hello World").text).toBe("Hello World");
    const long = `${"before ".repeat(50)}the needle ${"after ".repeat(50)}needle`;
    const excerpt = shown("needle", long);
    expect(excerpt.text).toMatch(/^…before .* the needle after .* after…$/);
    expect(excerpt.text.length).toBeLessThan(180);
    expect(excerpt.words).toEqual(["needle"]);
  });

  test("shows of what is longer than itself the part that is in it", () => {
    const phrase = "all of it ".repeat(20).trim();
    expect(shown(`"${phrase}"`, `${phrase} and more`).words).toEqual([
      expect.stringMatching(/^all of it/),
    ]);
  });

  test("cuts no character in two", () => {
    fc.assert(
      fc.property(fc.nat(90), fc.nat(90), (before, after) => {
        const { text, words } = shown(
          "needle",
          `${"😀".repeat(before)}needle${"😀".repeat(after)}`,
        );
        expect(text.isWellFormed()).toBe(true);
        expect(words).toEqual(["needle"]);
      }),
    );
  });
});
