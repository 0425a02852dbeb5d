import { expect, test } from "bun:test";
import { Unacknowledged } from "../../src/session/unacknowledged.ts";

function waitingFor(...ids: string[]): Unacknowledged {
  const unacknowledged = new Unacknowledged();
  for (const id of ids) unacknowledged.add(id, id, 10);
  return unacknowledged;
}

/** What a cumulative ACK of the last one would cover. */
const tagsUpTo = (last: string, unacknowledged: Unacknowledged) =>
  unacknowledged.coveredBy(last, true).map(({ tag }) => tag);

test("what a transaction holds is covered by no other ACK, and keeps its place when it comes back", () => {
  const unacknowledged = waitingFor("1", "2", "3");
  const held = unacknowledged.coveredBy("2", false);
  unacknowledged.hold(held);
  expect(unacknowledged.has("2")).toBe(false);
  expect(() => unacknowledged.coveredBy("2", false)).toThrow("2");
  expect(unacknowledged.coveredBy("3", true).map(({ tag }) => tag)).toEqual(["1", "3"]);
  unacknowledged.restore(held);
  expect(unacknowledged.coveredBy("3", true).map(({ tag }) => tag)).toEqual(["1", "2", "3"]);
});

test("a message that came again before its transaction was done waits again, behind the others", () => {
  const unacknowledged = waitingFor("1", "2");
  const held = unacknowledged.coveredBy("1", false);
  unacknowledged.hold(held);
  const again = unacknowledged.add("1", "1 again", 10);
  unacknowledged.remove(held);
  expect(tagsUpTo(again, unacknowledged)).toEqual(["2", "1 again"]);
  expect(unacknowledged.has("1")).toBe(true);
});

test("a message that was sent twice is acknowledged twice, by what each was sent with or in order", () => {
  const named = waitingFor("1", "2");
  const second = named.add("1", "1 again", 10);
  expect(second).not.toBe("1");
  named.remove(named.coveredBy(second, false));
  expect(tagsUpTo("2", named)).toEqual(["1", "2"]);

  const unnamed = waitingFor("1", "2");
  unnamed.add("1", "1 again", 10);
  const first = unnamed.coveredBy("1", false);
  expect(first.map(({ tag }) => tag)).toEqual(["1"]);
  unnamed.remove(first);
  expect(unnamed.coveredBy("1", false).map(({ tag }) => tag)).toEqual(["1 again"]);
  unnamed.remove(unnamed.coveredBy("1", true));
  expect(unnamed.size).toBe(0);
  expect(() => unnamed.coveredBy("1", false)).toThrow("1");
});

test("what waits is known in bytes too", () => {
  const unacknowledged = waitingFor("1", "2", "3");
  unacknowledged.add("1", "1 again", 5);
  expect(unacknowledged.bytes).toBe(35);
  unacknowledged.remove(unacknowledged.coveredBy("2", true));
  expect(unacknowledged.bytes).toBe(15);
  unacknowledged.clear();
  expect(unacknowledged.bytes).toBe(0);
});
