import { beforeEach, expect, test } from "bun:test";
import { newUuid } from "../../src/ids.ts";
import { DeadLetters } from "../../src/notify/dead-letters.ts";
import type { DeadLetter } from "../../src/notify/ports.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { MemoryNotices } from "../support/memory-notices.ts";

let store: MemoryNotices;
let letters: DeadLetters;
/** How often something was due. */
let wakings: number;

beforeEach(() => {
  wakings = 0;
  store = new MemoryNotices();
  letters = new DeadLetters({
    ...{ store, clock: new FakeClock(), newId: newUuid },
    onReplay: () => {
      wakings += 1;
    },
  });
});

function letter(id = newUuid()): DeadLetter {
  return {
    ...{ id, channel: "fcm", userId: "alice", targetId: newUuid(), conversationId: "c", seq: 3 },
    ...{ eventId: null, eventType: null, attempts: 7, reason: "404", diedMs: 1_000 },
  };
}

const many = (count: number) => Array.from({ length: count }, () => letter());

test("those that are named are replayed, in portions, and no others", async () => {
  store.letters = many(500);
  const portions: number[] = [];
  const replay = store.replay.bind(store);
  store.replay = (ids) => {
    portions.push(ids.length);
    return replay(ids);
  };
  const ids = store.letters.slice(0, 450).map(({ id }) => id);
  expect(await letters.replay([...ids, newUuid()])).toBe(450);
  expect(portions).toEqual([200, 200, 51]);
  expect(store.letters).toHaveLength(50);
  expect(wakings).toBe(3);
});

test("all that are there are replayed, or forgotten", async () => {
  store.letters = many(450);
  expect(await letters.replay("all")).toBe(450);
  expect(store.letters).toEqual([]);
  store.letters = many(400);
  await letters.forget("all");
  expect(store.letters).toEqual([]);
});

test("what dies again meanwhile is left for the next time", async () => {
  store.letters = many(450);
  const replay = store.replay.bind(store);
  let portions = 0;
  store.replay = async (ids) => {
    const due = await replay(ids);
    portions += 1;
    if (portions <= 10) store.letters.push(...many(ids.length));
    return due;
  };
  expect(await letters.replay("all")).toBe(450);
  expect(store.letters).toHaveLength(450);
});

test("of targets that are gone nothing is due, and nobody is woken", async () => {
  store.letters = many(3);
  store.replay = async () => 0;
  expect(await letters.replay("all")).toBe(0);
  expect(wakings).toBe(0);
});

test("those that are named are forgotten, and nothing is due", async () => {
  store.letters = many(3);
  const [first, ...others] = store.letters;
  await letters.forget([first?.id ?? ""]);
  expect(store.letters).toEqual(others);
  expect(wakings).toBe(0);
});
