import { expect, test } from "bun:test";
import { PatternIndex } from "../../src/broker/pattern-index.ts";
import { TopicPattern } from "../../src/broker/topic-pattern.ts";

function indexOf(...names: string[]): PatternIndex {
  const index = new PatternIndex();
  for (const name of names) {
    const pattern = TopicPattern.parse(name);
    if (pattern !== null) index.add(pattern);
  }
  return index;
}

test("patterns come and go for topics that were asked for before", () => {
  const index = indexOf("/topic/*");
  expect(index.matching("/topic/a")).toEqual(["/topic/*"]);
  index.add(TopicPattern.parse("/topic/#") ?? expect.unreachable());
  expect(index.matching("/topic/a")).toEqual(["/topic/*", "/topic/#"]);
  index.remove("/topic/*");
  expect(index.matching("/topic/a")).toEqual(["/topic/#"]);
  index.remove("/topic/#");
  expect(index.matching("/topic/a")).toEqual([]);
  expect(index.isEmpty).toBe(true);
});

test("more topics than are remembered are matched all the same", () => {
  const index = indexOf("/topic/n.*");
  for (let round = 0; round < 2; round += 1) {
    for (let n = 0; n < 11_000; n += 1)
      expect(index.matching(`/topic/n.${n}`)).toEqual(["/topic/n.*"]);
  }
});

test("topics are remembered without the messages that named them", () => {
  const index = indexOf("/topic/#");
  const utf8 = new TextDecoder();
  const nameInMessage = (n: number) => {
    const bytes = Buffer.from(`SEND\ndestination:/topic/number.${n}\n\n${"x".repeat(1 << 20)}\0`);
    const message = utf8.decode(bytes);
    return message.slice(17, message.indexOf("\n", 17));
  };
  Bun.gc(true);
  const before = process.memoryUsage().rss;
  for (let n = 0; n < 300; n += 1) {
    expect(index.matching(nameInMessage(n))).toEqual(["/topic/#"]);
    if (n % 20 === 0) Bun.gc(true);
  }
  Bun.gc(true);
  expect((process.memoryUsage().rss - before) / (1 << 20)).toBeLessThan(150);
});

test("patterns are found by whatever they begin with, each once", () => {
  const index = indexOf(
    ...["/topic/#", "/topic/a.#", "/topic/a.b.#", "/topic/a.b.*", "/topic/*.b.c", "/topic//*"],
    ...["/topic/a/#", "/topic/b.#", "/topic/a.b.c.d.*"],
  );
  expect([...index.matching("/topic/a.b.c")].sort()).toEqual([
    ...["/topic/#", "/topic/*.b.c", "/topic/a.#", "/topic/a.b.#", "/topic/a.b.*"],
  ]);
  expect([...index.matching("/topic/a")].sort()).toEqual([
    ...["/topic/#", "/topic/a.#", "/topic/a/#"],
  ]);
  expect([...index.matching("/topic//a")].sort()).toEqual(["/topic/#", "/topic//*"]);
});

test("a topic that is not well-formed leaves no trace on another", () => {
  const index = indexOf("/topic/\ufffd.*");
  index.matching("/topic/\ud800.a");
  expect(index.matching("/topic/\ufffd.a")).toEqual(["/topic/\ufffd.*"]);
});
