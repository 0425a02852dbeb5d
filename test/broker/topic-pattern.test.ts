import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { PatternIndex } from "../../src/broker/pattern-index.ts";
import { isTopicPattern, TopicPattern, TopicWords } from "../../src/broker/topic-pattern.ts";

function pattern(name: string): TopicPattern {
  const parsed = TopicPattern.parse(`/topic/${name}`);
  if (parsed === null) throw new Error(`${name} has no wildcards`);
  return parsed;
}

describe("a pattern", () => {
  test.each([
    ["orders.*", ["orders.eu", "orders."], ["orders", "orders.eu.1", "orders/eu", "order.eu"]],
    ["*", ["a", "presence-like"], ["a.b", "a/b"]],
    ["*.created", ["order.created"], ["created", "a.b.created", "order/created"]],
    ["room/*/typing", ["room/1/typing"], ["room/typing", "room/1/2/typing", "room.1.typing"]],
    ["orders.#", ["orders", "orders.eu", "orders.eu.1", "orders.eu/1"], ["orders/eu", "ordersx"]],
    ["orders.**", ["orders", "orders.eu", "orders.eu.1"], ["orders/eu", "x.orders"]],
    ["orders/**", ["orders", "orders/eu", "orders/eu/1"], ["orders.eu"]],
    ["#", ["a", "a.b", "a/b.c", ""], []],
    ["#.b", ["b", "a.b", "a/x.b", "b.b"], ["a/b", "a", "b.c"]],
    ["a.#.b", ["a.b", "a.x.b", "a.x/y.b", "a.b.b"], ["a", "b", "a.bb", "a.x/b", "a/b"]],
    ["#.*", ["a", "a.b", "a.b.c"], []],
    ["*.#.*", ["a.b", "a.b.c"], ["a"]],
    ["a.#.#.b", ["a.b", "a.x.y.z.b"], ["a.x.y.z"]],
    ["#.b/#", ["b", "b/c", "x.b.b/c"], ["x.c", "b.c"]],
    ["a.#/b", ["a.x/b", "a.x.y/b"], ["a.b", "a/b", "a.x.b"]],
    ["#.a.#", ["a", "x.a", "x.a/y.a.b"], ["x.a/y", "x/a.y"]],
    ["#.a.b.#", ["a.a.b", "a.a.b.b"], ["a.b/b.a"]],
    ["a.#/#", ["a", "a.b/c"], ["a/b"]],
    ["a*.*", ["a*.b"], ["ab.b"]],
  ])("%s", (name, matching, others) => {
    const matches = (topic: string) => pattern(name).matches(new TopicWords(`/topic/${topic}`));
    expect(matching.filter((topic) => !matches(topic))).toEqual([]);
    expect(others.filter(matches)).toEqual([]);
    const { literalPrefix, beginning } = pattern(name);
    const begins = (topic: string) => topic === literalPrefix || topic.startsWith(beginning);
    expect(matching.filter((topic) => !begins(topic))).toEqual([]);
  });

  test.each(["orders.eu*", "a*b", "a.#b", "##", "***", "#a", "orders", "a.*b.c"])(
    "%s is none",
    (name) => {
      expect(TopicPattern.parse(`/topic/${name}`)).toBeNull();
      expect(isTopicPattern(`/topic/${name}`)).toBe(false);
    },
  );

  test.each([
    ["news.**", ["news.*", "news.#", "news.eu.*", "news.**.x"], ["*", "news*.x", "news/*", "#"]],
    ["news.*", ["news.*", "news.eu"], ["news.#", "news.*.*", "news.**", "*.*"]],
    ["#", ["#", "*", "a.*/b", "**"], []],
    ["#.b", ["#.b", "*.b", "a.#.b"], ["#", "*", "#.*", "b.#"]],
    ["a.#.b", ["a.*.b", "a.#.b", "a.#.c.b"], ["a.#", "#.b", "a.#/b"]],
  ])("%s covers patterns that match no more than it does", (name, covered, others) => {
    const covers = (topic: string) => pattern(name).covers(new TopicWords(`/topic/${topic}`));
    expect(covered.filter((topic) => !covers(topic))).toEqual([]);
    expect(others.filter(covers)).toEqual([]);
  });

  test("covers nothing of which it does not match all", () => {
    const words = (alphabet: readonly string[]) =>
      fc
        .tuple(
          fc.constantFrom(...alphabet),
          fc.array(fc.tuple(fc.constantFrom(".", "/"), fc.constantFrom(...alphabet)), {
            maxLength: 4,
          }),
        )
        .map(([first, rest]) => first + rest.flat().join(""));
    const names = words(["a", "b", "*", "#", "**"]).filter((name) =>
      isTopicPattern(`/topic/${name}`),
    );
    let covered = 0;
    fc.assert(
      fc.property(names, names, fc.array(words(["a", "b", ""]), { minLength: 20 }), (...drawn) => {
        const [wide, narrow, topics] = drawn;
        if (!pattern(wide).covers(new TopicWords(`/topic/${narrow}`))) return;
        covered += 1;
        for (const topic of topics.map((each) => new TopicWords(`/topic/${each}`))) {
          if (pattern(narrow).matches(topic)) expect(pattern(wide).matches(topic)).toBe(true);
        }
      }),
      { numRuns: 3_000 },
    );
    expect(covered).toBeGreaterThan(100);
  });

  test("has twenty words at most, and then works as any", () => {
    const longest = pattern(`${"#.a.".repeat(8)}b.c.d.e`);
    const matches = (topic: string) => longest.matches(new TopicWords(`/topic/${topic}`));
    expect(matches(`${"a.".repeat(8)}b.c.d.e`)).toBe(true);
    expect(matches(`${"x/y.a.".repeat(9)}b.c.d.e`)).toBe(true);
    expect(matches(`${"a.".repeat(7)}b.c.d.e`)).toBe(false);
    expect(matches(`${"a.".repeat(8)}b.c.d.e.f`)).toBe(false);
    expect(() => pattern(`${"a.".repeat(20)}*`)).toThrow("20 words");
    expect(TopicPattern.parse(`/topic/${"a.".repeat(40)}`)).toBeNull();
  });

  test("has eight wildcards at most", () => {
    expect(isTopicPattern(`/topic/${"*.".repeat(8)}`)).toBe(true);
    expect(TopicPattern.parse(`/topic/${"*.".repeat(8)}end`)).not.toBeNull();
    expect(() => TopicPattern.parse(`/topic/${"*.".repeat(9)}end`)).toThrow("8 wildcards");
  });

  test("is not slower for what almost matches everywhere", () => {
    const topic = new TopicWords(`/topic/${"a.".repeat(500)}`);
    for (const name of [`#.${"a.#.".repeat(7)}b`, `#.${"a.".repeat(17)}b.#`])
      expect(pattern(name).matches(topic)).toBe(false);
  });

  test("matches as a slow reference does", () => {
    const word = fc.constantFrom("a", "b", "");
    const separator = fc.constantFrom(".", "/");
    const token = fc.constantFrom("a", "b", "*", "#", "**");
    const joined = (words: fc.Arbitrary<string>) =>
      fc
        .tuple(words, fc.array(fc.tuple(separator, words), { maxLength: 6 }))
        .map(([first, rest]) => [["", first] as const, ...rest.map(([s, w]) => [s, w] as const)]);
    fc.assert(
      fc.property(joined(token), joined(word), (tokens, words) => {
        const text = (parts: readonly (readonly [string, string])[]) =>
          `/topic/${parts.flat().join("")}`;
        const parsed = TopicPattern.parse(text(tokens));
        fc.pre(parsed !== null);
        expect(parsed?.matches(new TopicWords(text(words)))).toBe(isMatch(tokens, words));
      }),
      { numRuns: 5_000 },
    );
  });
});

type Parts = readonly (readonly [separator: string, word: string])[];

function isMany(part: Parts[number] | undefined): boolean {
  return part?.[1] === "#" || part?.[1] === "**";
}

/** Tries everything: each `#` every number of words. */
function isMatch(tokens: Parts, words: Parts): boolean {
  const single = tokens.filter((token, index) => !isMany(token) || !isMany(tokens[index - 1]));
  const from = (at: number, place: number): boolean => {
    const [token, word] = [single[at], words[place]];
    if (token === undefined) return word === undefined;
    const isJoined = place === 0 || word === undefined || token[0] === word[0];
    if (!isJoined) return false;
    if (!isMany(token)) {
      const isTaken = word !== undefined && (token[1] === "*" || token[1] === word[1]);
      return isTaken && from(at + 1, place + 1);
    }
    return [...words.slice(place), null].some((_, covered) => from(at + 1, place + covered));
  };
  return from(0, 0);
}

test("the patterns of ever new topics are found, however many are remembered", () => {
  const index = new PatternIndex();
  const names = Array.from(
    { length: 300 },
    (_, at) => `/topic/#.${at % 2 === 0 ? "#" : "**"}.x${at}`,
  );
  for (const name of [...names, "/topic/#"]) {
    const parsed = TopicPattern.parse(name);
    if (parsed !== null) index.add(parsed);
  }
  for (let round = 0; round < 2; round += 1) {
    for (let topic = 0; topic < 12_000; topic += 1) {
      expect(index.matching(`/topic/t${topic}`)).toEqual(["/topic/#"]);
    }
    expect(index.matching("/topic/a.x7")).toEqual(["/topic/#.**.x7", "/topic/#"]);
  }
  index.remove("/topic/#");
  expect(index.matching("/topic/t1")).toEqual([]);
});
