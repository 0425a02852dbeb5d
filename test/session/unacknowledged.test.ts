import { expect, test } from "bun:test";
import { Unacknowledged } from "../../src/session/unacknowledged.ts";

function waitingFor(...ids: string[]): Unacknowledged {
  const unacknowledged = new Unacknowledged();
  for (const id of ids) unacknowledged.add(id, id);
  return unacknowledged;
}

const tags = (unacknowledged: Unacknowledged) => [...unacknowledged.tags()];

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
  unacknowledged.add("1", "1 again");
  unacknowledged.remove(held);
  expect(tags(unacknowledged)).toEqual(["2", "1 again"]);
  expect(unacknowledged.has("1")).toBe(true);
});
