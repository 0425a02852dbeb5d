import { expect, test } from "bun:test";
import { Sequence } from "../../bench/load/dialects/sequence.ts";
import { noPeerFaults } from "../../bench/load/dialects/work.ts";

function taking(indexes: readonly number[], { first = 0, step = 1, end = 4 } = {}) {
  const faults = noPeerFaults();
  const sequence = new Sequence(first, step, faults);
  const isNew = indexes.map((index) => sequence.take(index));
  sequence.close(end);
  return { isNew, faults };
}

test("what comes once and in order is no fault", () => {
  const { isNew, faults } = taking([0, 1, 2, 3]);
  expect(isNew).toEqual([true, true, true, true]);
  expect(faults).toEqual(noPeerFaults());
});

test("what was overtaken is disordered, and neither lost nor doubled", () => {
  const { isNew, faults } = taking([0, 2, 1, 3]);
  expect(isNew).toEqual([true, true, true, true]);
  expect(faults).toEqual({ ...noPeerFaults(), disordered: 1 });
});

test("what comes again is doubled, and not taken twice", () => {
  const { isNew, faults } = taking([0, 1, 1, 2, 3, 0]);
  expect(isNew).toEqual([true, true, false, true, true, false]);
  expect(faults).toEqual({ ...noPeerFaults(), doubled: 2 });
});

test("what was overtaken comes late once only", () => {
  expect(taking([0, 2, 3, 1, 1]).faults).toEqual({ ...noPeerFaults(), disordered: 1, doubled: 1 });
});

test("gaps and a missing end are lost", () => {
  expect(taking([1]).faults).toEqual({ ...noPeerFaults(), lost: 3 });
  expect(taking([]).faults).toEqual({ ...noPeerFaults(), lost: 4 });
});

test("messages of others between one's own are not missed", () => {
  const own = { first: 3, step: 10, end: 24 };
  expect(taking([3, 13, 23], own).faults).toEqual(noPeerFaults());
  expect(taking([3, 23], own).faults).toEqual({ ...noPeerFaults(), lost: 1 });
  expect(taking([3], own).faults).toEqual({ ...noPeerFaults(), lost: 2 });
});

test("what was counted as lost does not count again", () => {
  const faults = noPeerFaults();
  const sequence = new Sequence(0, 1, faults);
  sequence.take(1);
  sequence.close(3);
  sequence.take(3);
  sequence.close(4);
  expect(faults).toEqual({ ...noPeerFaults(), lost: 2 });
});
