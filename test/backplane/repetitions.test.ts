import { expect, test } from "bun:test";
import { Repetitions } from "../../src/backplane/repetitions.ts";

test("a number of a run comes once, in whatever order", () => {
  const repetitions = new Repetitions();
  const numbers = [0, 1, 2, 7, 5, 6, 2 ** 32 - 1, 2 ** 31 + 3];
  for (const run of ["a", "b"]) {
    for (const number of numbers) expect(repetitions.has(run, number)).toBe(false);
    for (const number of numbers) expect(repetitions.has(run, number)).toBe(true);
  }
});

test("one way may be many messages behind the other", () => {
  const repetitions = new Repetitions();
  for (let number = 0; number < 100_000; number += 1) {
    expect(repetitions.has("a", number)).toBe(false);
    if (number >= 10_000) expect(repetitions.has("a", number - 10_000)).toBe(true);
  }
});

test("runs that have ended are forgotten", () => {
  const repetitions = new Repetitions();
  repetitions.has("first", 1);
  for (let run = 0; run < 1_000; run += 1) repetitions.has(`${run}`, 1);
  expect(repetitions.has("first", 1)).toBe(false);
  expect(repetitions.has("999", 1)).toBe(true);
});
