import { expect, test } from "bun:test";
import { TopicPattern, TopicWords } from "../../../src/broker/topic-pattern.ts";
import { Random } from "../random.ts";
import { isMatch, wildcardsIn } from "./topics.ts";

test("reference and server agree on which topics a pattern stands for", () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  const random = new Random(seed);
  const topicOf = (words: readonly string[]) => {
    const parts = Array.from({ length: random.between(1, 5) }, () => random.pick(words));
    return `/topic/${parts.reduce((text, word) => text + random.pick([".", "/"]) + word)}`;
  };
  for (let round = 0; round < 20_000; round += 1) {
    const pattern = topicOf(["a", "b", "*", "#", "**", ""]);
    const topic = topicOf(["a", "b", ""]);
    const parsed = TopicPattern.parse(pattern);
    expect(parsed === null).toBe(wildcardsIn(pattern) === 0);
    if (parsed === null) continue;
    const verdict = { seed, pattern, topic, isMatch: isMatch(pattern, topic) };
    expect({ ...verdict, isMatch: parsed.matches(new TopicWords(topic)) }).toEqual(verdict);
  }
});
