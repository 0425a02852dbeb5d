import { afterEach, beforeEach, expect, test } from "bun:test";
import { newUuid } from "../../src/ids.ts";
import { DeadLetters, type DeadLettersOptions } from "../../src/notify/dead-letters.ts";
import { memoryStorage } from "../../src/storage/memory.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { addDeadEvents, addDeadNotice, killDueEvents, letterIds } from "../support/dead-letters.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { NOW_MS } from "../support/noticed.ts";

type Replay = DeadLettersOptions["store"]["replay"];

let storage: Storage;
/** What replays letters in the store. */
let replay: Replay;
let letters: DeadLetters;
/** How often something was due. */
let wakings: number;

beforeEach(() => {
  wakings = 0;
  storage = memoryStorage();
  const { notices } = storage;
  replay = (ids, nowMs) => notices.replay(ids, nowMs);
  letters = new DeadLetters({
    store: {
      deadLetters: (after, limit) => notices.deadLetters(after, limit),
      replay: (ids, nowMs) => replay(ids, nowMs),
      forgetLetters: (ids) => notices.forgetLetters(ids),
    },
    ...{ clock: new FakeClock(NOW_MS), newId: newUuid },
    onReplay: () => {
      wakings += 1;
    },
  });
});

afterEach(() => storage.close());

test("those that are named are replayed, in portions, and no others", async () => {
  const ids = await addDeadEvents(storage, 500);
  const inStore = replay;
  const portions: number[] = [];
  replay = (portion, nowMs) => {
    portions.push(portion.length);
    return inStore(portion, nowMs);
  };
  expect(await letters.replay([...ids.slice(0, 450), newUuid()])).toBe(450);
  expect(portions).toEqual([200, 200, 51]);
  expect(await letterIds(storage)).toEqual(ids.slice(450));
  expect(await storage.webhooks.due(NOW_MS, [], 1_000)).toHaveLength(450);
  expect(wakings).toBe(3);
});

test("a notice is due when it is replayed", async () => {
  const { id, targetId } = await addDeadNotice(storage);
  expect(await letters.replay([id])).toBe(1);
  const due = await storage.notices.due("fcm", NOW_MS, 10);
  expect(due).toMatchObject([{ target: { id: targetId }, attempts: 0 }]);
});

test("all that are there are replayed, or forgotten", async () => {
  await addDeadEvents(storage, 450);
  expect(await letters.replay("all")).toBe(450);
  expect(await letterIds(storage)).toEqual([]);
  expect(await addDeadEvents(storage, 10)).toHaveLength(460);
  await letters.forget("all");
  expect(await letterIds(storage)).toEqual([]);
});

test("what dies again meanwhile is left for the next time", async () => {
  await addDeadEvents(storage, 450);
  const inStore = replay;
  let portions = 0;
  replay = async (ids, nowMs) => {
    const due = await inStore(ids, nowMs);
    portions += 1;
    if (portions <= 10) await killDueEvents(storage);
    return due;
  };
  expect(await letters.replay("all")).toBe(450);
  expect(await letterIds(storage)).toHaveLength(450);
});

test("of a target that is gone nothing is due, and nobody is woken", async () => {
  const { id, userId, targetId } = await addDeadNotice(storage);
  await storage.notices.removeTarget(userId ?? "", targetId ?? "");
  expect(await letters.replay([id])).toBe(0);
  expect(await letterIds(storage)).toEqual([]);
  expect(wakings).toBe(0);
});

test("those that are named are forgotten, and nothing is due", async () => {
  const [first = "", ...others] = await addDeadEvents(storage, 3);
  await letters.forget([first]);
  expect(await letterIds(storage)).toEqual(others);
  expect(await storage.webhooks.due(NOW_MS, [], 10)).toEqual([]);
  expect(wakings).toBe(0);
});
