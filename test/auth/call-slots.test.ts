import { expect, test } from "bun:test";
import { CallSlots } from "../../src/auth/call-slots.ts";
import { FakeClock } from "../support/fake-clock.ts";

test("so many have a slot at a time; others wait in their order", async () => {
  const slots = new CallSlots(2, 10, new FakeClock());
  expect(await slots.acquire(1_000)).toBe(true);
  expect(await slots.acquire(1_000)).toBe(true);
  const order: string[] = [];
  const third = slots.acquire(1_000).then(() => order.push("third"));
  const fourth = slots.acquire(1_000).then(() => order.push("fourth"));
  await Promise.resolve();
  expect(order).toEqual([]);
  slots.release();
  await third;
  expect(order).toEqual(["third"]);
  slots.release();
  await fourth;
  expect(order).toEqual(["third", "fourth"]);
});

test("who waits too long goes without, and takes no slot from others", async () => {
  const clock = new FakeClock();
  const slots = new CallSlots(1, 10, clock);
  await slots.acquire(1_000);
  const late = slots.acquire(1_000);
  const patient = slots.acquire(5_000);
  clock.advance(1_000);
  expect(await late).toBe(false);
  slots.release();
  expect(await patient).toBe(true);
});

test("no more wait than may", async () => {
  const slots = new CallSlots(1, 1, new FakeClock());
  await slots.acquire(1_000);
  const waiting = slots.acquire(1_000);
  expect(await slots.acquire(1_000)).toBe(false);
  slots.release();
  expect(await waiting).toBe(true);
  slots.release();
  expect(await slots.acquire(1_000)).toBe(true);
});
