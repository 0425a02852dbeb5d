import { expect, test } from "bun:test";
import { Deadline } from "../src/deadline.ts";
import { FakeClock } from "./support/fake-clock.ts";
import { settled } from "./support/held-store.ts";

test("steps share one time, whatever the wall clock says", async () => {
  const clock = new FakeClock();
  const deadline = new Deadline(clock, 10_000);
  const done: string[] = [];
  const never = new Promise<void>(() => {});
  const steps = async () => {
    await deadline.allows(Promise.resolve());
    done.push("first");
    await deadline.allows(never);
    done.push("second");
    await deadline.allows(never);
    done.push("third");
  };
  const all = steps();
  await settled();
  clock.setWallBy(-3_600_000);
  clock.advance(9_999);
  await settled();
  expect(done).toEqual(["first"]);
  clock.advance(1);
  await settled();
  clock.advance(0);
  await all;
  expect(done).toEqual(["first", "second", "third"]);
});

test("a step that fails is not hidden", async () => {
  const deadline = new Deadline(new FakeClock(), 1_000);
  await expect(deadline.allows(Promise.reject(new Error("broken")))).rejects.toThrow("broken");
});
