import { expect, test } from "bun:test";
import { attemptWith } from "../../src/web/attempts.ts";
import { MalformedBody } from "../../src/web/fields.ts";
import { MessageSearch } from "../../src/web/message-search.ts";
import { ApiError } from "../../src/web/requests.ts";
import { type FoundPage, readFoundPage } from "../../src/web/wire-search.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { DM, scheduleOn, settled, wireMessage } from "./support.ts";

function pageOf(seqs: readonly number[], next: string | null, expiresMs: number | null = null) {
  const found = seqs.map((seq) => ({ message: wireMessage(seq, { expiresMs }), excerpt: [] }));
  return { found, next };
}

function newSearch(...answers: (FoundPage | Error)[]) {
  const clock = new FakeClock();
  const asked: string[] = [];
  const shown: number[] = [];
  const search = new MessageSearch({
    ...{ attempt: attemptWith(() => {}), schedule: scheduleOn(clock), now: () => clock.now() },
    conversationId: DM,
    api: {
      search: async (text, conversationId, cursor) => {
        asked.push(`${text} ${conversationId} ${cursor}`);
        const answer = answers.shift() ?? pageOf([], "and so on");
        if (answer instanceof Error) throw answer;
        return answer;
      },
    },
    onFound: (found) => shown.push(...found.map(({ message }) => message.seq)),
  });
  const seqs = () => search.state().found.map(({ message }) => message.seq);
  const pause = async () => {
    clock.advance(1_000);
    await settled();
  };
  return { search, clock, asked, shown, seqs, pause };
}

test("nothing is asked while the user types, and once when they pause", async () => {
  const { search, asked, seqs, shown, pause } = newSearch(pageOf([3, 2], "c1"), pageOf([1], null));
  for (const text of ["t", "tu", "tulip"]) search.type(text);
  expect(search.state().isSearching).toBe(true);
  expect(asked).toEqual([]);
  await pause();
  expect(asked).toEqual([`tulip ${DM} null`]);
  expect(search.state()).toMatchObject({ isSearching: false, hasMore: true });
  search.more();
  search.more();
  await settled();
  expect(asked).toEqual([`tulip ${DM} null`, `tulip ${DM} c1`]);
  expect(seqs()).toEqual([3, 2, 1]);
  expect(shown).toEqual([3, 2, 1]);
  expect(search.state().hasMore).toBe(false);
});

test("an answer to what is not looked for any more is not shown", async () => {
  const { search, seqs, pause } = newSearch(pageOf([1], null), pageOf([2], null));
  search.type("old");
  search.more();
  search.type("new");
  await settled();
  expect(seqs()).toEqual([]);
  await pause();
  expect(seqs()).toEqual([2]);
  search.clear();
  await pause();
  expect(search.state()).toMatchObject({ text: "", found: [], isSearching: false });
});

test("pages without results are passed over, up to a bound", async () => {
  const few = newSearch(pageOf([], "c1"), pageOf([], "c2"), pageOf([1], "c3"));
  few.search.type("rare");
  await few.pause();
  expect(few.asked.map((call) => call.split(" ")[2])).toEqual(["null", "c1", "c2"]);
  expect(few.seqs()).toEqual([1]);
  const none = newSearch();
  none.search.type("never");
  await none.pause();
  expect(none.asked.length).toBe(8);
  expect(none.search.state()).toMatchObject({ isSearching: false, hasMore: true, found: [] });
  none.search.more();
  await settled();
  expect(none.asked.length).toBe(16);
});

test("why there is no answer is told, and it can be asked again", async () => {
  const refused = new ApiError(429, "RATE_LIMITED", "Too many searches");
  const { search, seqs, asked, pause } = newSearch(pageOf([2], "c1"), refused, pageOf([1], null));
  search.type("tulip");
  await pause();
  search.more();
  await settled();
  expect(search.state()).toMatchObject({ fault: "Too many searches", hasMore: true });
  search.more();
  await settled();
  expect(asked.at(-1)).toBe(`tulip ${DM} c1`);
  expect(seqs()).toEqual([2, 1]);
  expect(search.state().fault).toBeNull();
});

test("what was found disappears when its time is over", async () => {
  const expiresMs = new FakeClock().now() + 3_000;
  const { search, seqs, clock, pause } = newSearch({
    ...{ found: [...pageOf([2], null, expiresMs).found, ...pageOf([1], null).found], next: null },
  });
  search.type("tulip");
  await pause();
  expect(seqs()).toEqual([2, 1]);
  clock.advance(2_000);
  expect(seqs()).toEqual([1]);
});

const WIRE = {
  ...{ id: "1", conversationId: DM, seq: 1, senderId: "bob", senderName: "bob", content: "x" },
  ...{ type: "TEXT", status: "SENT", timestamp: "2026-01-01T12:00:00Z" },
};

function excerptOf(text: string, highlights: unknown) {
  const results = [{ message: WIRE, excerpt: { text, highlights } }];
  const [found] = readFoundPage({ results, next: null }).found;
  return found?.excerpt.map(({ text: part, isHit }) => (isHit ? `[${part}]` : part));
}

test("highlights count UTF-16 units of the text as it came, controls and all", () => {
  expect(excerptOf("🌷 \u202etulips\u202c here", [[4, 10]])).toEqual(["🌷 ", "[tulips]", " here"]);
  expect(excerptOf("tulips", [[0, 6]])).toEqual(["[tulips]"]);
  expect(excerptOf("<b>", [])).toEqual(["<b>"]);
  expect(
    excerptOf("abcdef", [
      [1, 4],
      [3, 99],
    ]),
  ).toEqual(["a", "[bcd]", "[ef]"]);
  expect(() => excerptOf("abc", [["0", 1]])).toThrow(MalformedBody);
});
