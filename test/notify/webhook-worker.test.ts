import { describe, expect, test } from "bun:test";
import { AppError } from "../../src/errors.ts";
import type { WebhookStore } from "../../src/notify/webhook-ports.ts";
import { memoryStorage } from "../../src/storage/memory.ts";
import { EPOCH_MS } from "../support/stored.ts";
import { heldAnswer, WebhookHarness } from "../support/webhook-harness.ts";
import type { ReceivedWebhook } from "../support/webhook-receiver.ts";

const status =
  (code: number, headers: Record<string, string> = {}) =>
  () =>
    new Response(null, { status: code, headers });
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const laneOf = (id: string) => id.split("-")[0] ?? "";

/** Fails calls as `fails` says; what it takes is kept. */
function failing(harness: WebhookHarness, fails: (call: ReceivedWebhook) => boolean): string[] {
  const taken: string[] = [];
  harness.receiver.answer = (call) => {
    if (fails(call)) return new Response(null, { status: 500 });
    taken.push(call.id);
    return new Response();
  };
  return taken;
}

/** Numbers from 0 to 1 that follow from the seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

test("what has been added is told, signed, once", async () => {
  await using harness = new WebhookHarness();
  const { worker, receiver, storage, outcomes } = harness;
  worker.start();
  await harness.add("alice", 2);
  await harness.idle();
  expect(harness.ids).toEqual(["alice-1", "alice-2"]);
  expect(receiver.calls.map(({ isGenuine }) => isGenuine)).toEqual([true, true]);
  expect(receiver.calls[0]?.path).toBe("/events");
  expect(receiver.calls[0]?.headers.get("content-type")).toBe("application/json");
  expect(receiver.calls[0]?.body).toMatchObject({ type: "presence.changed", data: { n: 1 } });
  expect(outcomes).toEqual(["sent", "sent"]);
  expect(await storage.webhooks.waiting()).toBe(0);
  await harness.pass(HOUR_MS, 10_000);
  expect(receiver.calls).toHaveLength(2);
});

test("what others have added is found within a second", async () => {
  await using harness = new WebhookHarness();
  harness.worker.start();
  await harness.idle();
  const event = { id: "e", type: "t", lane: "l", createdMs: harness.clock.now(), data: "{}" };
  await harness.storage.webhooks.add([event]);
  await harness.idle();
  expect(harness.ids).toEqual([]);
  await harness.pass(1_000);
  expect(harness.ids).toEqual(["e"]);
});

test("events of a lane are told one after the other, those of others beside them", async () => {
  await using harness = new WebhookHarness({ concurrency: 3 });
  const { receiver } = harness;
  const held = heldAnswer();
  receiver.answer = () => held.answer;
  for (const lane of ["a", "b", "c", "d"]) await harness.add(lane, 2);
  harness.worker.start();
  await receiver.received(3);
  expect(harness.ids.toSorted()).toEqual(["a-1", "b-1", "c-1"]);
  held.release();
  await harness.idle();
  expect(receiver.mostAtOnce).toBe(3);
  expect(harness.ids).toHaveLength(8);
  for (const lane of ["a", "b", "c", "d"]) {
    expect(harness.ids.filter((id) => laneOf(id) === lane)).toEqual([`${lane}-1`, `${lane}-2`]);
  }
});

describe("a call that fails", () => {
  test("is made again after longer and longer, and what follows it waits", async () => {
    await using harness = new WebhookHarness();
    const taken = failing(harness, () => harness.receiver.calls.length <= 3);
    harness.worker.start();
    await harness.add("a", 2);
    await harness.pass(998);
    expect(harness.ids).toEqual(["a-1"]);
    await harness.pass(2);
    expect(harness.ids).toEqual(["a-1", "a-1"]);
    await harness.pass(1_990, 100);
    expect(harness.ids).toHaveLength(2);
    await harness.pass(4_500, 100);
    expect(taken).toEqual(["a-1", "a-2"]);
    expect(harness.outcomes).toEqual(["later", "later", "later", "sent", "sent"]);
    const seconds = harness.receiver.calls.map(({ timestampSeconds }) => timestampSeconds);
    expect(new Set(seconds).size).toBeGreaterThan(2); // Each attempt is signed with its own time.
    expect(harness.receiver.calls.every(({ isGenuine }) => isGenuine)).toBeTrue();
  });

  test("does not hold up other lanes", async () => {
    await using harness = new WebhookHarness({ concurrency: 2 });
    const taken = failing(harness, ({ id }) => laneOf(id) === "bad");
    harness.worker.start();
    await harness.add("bad", 2);
    for (const lane of ["a", "b", "c"]) await harness.add(lane, 5);
    await harness.pass(5_000);
    expect(taken).toHaveLength(15);
    expect(harness.ids).not.toContain("bad-2");
  });

  test("is made again no sooner than its answer asks for", async () => {
    await using harness = new WebhookHarness();
    const { receiver } = harness;
    receiver.answer = status(503, { "retry-after": "30" });
    harness.worker.start();
    await harness.add("a");
    await harness.idle();
    receiver.answer = status(204);
    await harness.add("b");
    await harness.pass(29_000);
    expect(harness.ids).toEqual(["a-1"]); // It was asked for by the endpoint: nothing else goes there.
    await harness.pass(2_000);
    expect(harness.ids.toSorted()).toEqual(["a-1", "a-1", "b-1"]);
  });

  test("of a single event asks for this one's time alone", async () => {
    await using harness = new WebhookHarness();
    const { receiver } = harness;
    receiver.answer = status(422, { "retry-after": "30" });
    harness.worker.start();
    await harness.add("a");
    await harness.idle();
    receiver.answer = status(204);
    await harness.add("b");
    await harness.pass(29_000);
    expect(harness.ids).toEqual(["a-1", "b-1"]);
    await harness.pass(2_000);
    expect(harness.ids).toEqual(["a-1", "b-1", "a-1"]);
  });

  test.each([301, 302, 307, 400, 401, 403, 404, 429, 500, 502])(
    "is one that is answered %i, and comes again",
    async (code) => {
      await using harness = new WebhookHarness();
      const { receiver } = harness;
      receiver.answer = status(code, { location: `${receiver.url}/elsewhere` });
      harness.worker.start();
      await harness.add("a");
      await harness.idle();
      expect(harness.outcomes).toEqual(["later"]);
      receiver.answer = status(200);
      await harness.pass(1_000);
      expect(harness.outcomes).toEqual(["later", "sent"]);
      expect(receiver.calls.map(({ path }) => path)).toEqual(["/events", "/events"]);
    },
  );

  test("is one without an answer in time", async () => {
    await using harness = new WebhookHarness({ timeoutMs: 10_000 });
    const { receiver, clock } = harness;
    const held = heldAnswer();
    receiver.answer = () => held.answer;
    harness.worker.start();
    await harness.add("a");
    await receiver.received(1);
    expect(harness.outcomes).toEqual([]);
    clock.advance(10_000);
    await harness.idle();
    expect(harness.outcomes).toEqual(["later"]);
    receiver.answer = status(200);
    await harness.pass(1_000);
    expect(harness.outcomes).toEqual(["later", "sent"]);
    held.release();
  });

  test("with 410 leaves the endpoint alone for an hour", async () => {
    await using harness = new WebhookHarness();
    harness.receiver.answer = status(410);
    harness.worker.start();
    await harness.add("a");
    await harness.add("b");
    await harness.idle();
    const before = harness.ids.length;
    await harness.pass(HOUR_MS - MINUTE_MS, 1_000);
    expect(harness.ids).toHaveLength(before);
    harness.receiver.answer = status(200);
    await harness.pass(2 * MINUTE_MS);
    expect(harness.ids.slice(before).toSorted()).toEqual(["a-1", "b-1"]);
  });
});

test("whatever fails, each event is taken once, those of a lane in their order", async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const random = seeded(seed);
  await using harness = new WebhookHarness({ random, concurrency: 4 });
  const taken = failing(harness, () => random() < 0.3);
  harness.worker.start();
  const lanes = Array.from({ length: 10 }, (_, lane) => `${lane}`);
  for (let round = 0; round < 8; round += 1) {
    for (const lane of lanes) await harness.add(lane, 2, 2 * round + 1);
    await harness.pass(2_000, 500);
  }
  await harness.pass(HOUR_MS, 5_000);
  for (const lane of lanes) {
    const ofLane = taken.filter((id) => laneOf(id) === lane);
    const expected = Array.from({ length: 16 }, (_, index) => `${lane}-${index + 1}`);
    expect({ seed, ofLane }).toEqual({ seed, ofLane: expected });
  }
});

describe("an event is a dead letter", () => {
  test("after the last attempt, and the next one follows", async () => {
    await using harness = new WebhookHarness({ attempts: 3 });
    const taken = failing(harness, ({ id }) => id === "a-1");
    harness.worker.start();
    await harness.add("a", 2);
    await harness.pass(10_000);
    expect(harness.ids).toEqual(["a-1", "a-1", "a-1", "a-2"]);
    expect(taken).toEqual(["a-2"]);
    expect(harness.outcomes).toEqual(["later", "later", "dead", "sent"]);
    expect(harness.log.texts).toContain("error: An event for the back end is given up");
  });

  test("when it is too old and has been tried often enough", async () => {
    await using harness = new WebhookHarness({ maxAgeMs: DAY_MS, random: () => 0.5 });
    failing(harness, () => true);
    harness.worker.start();
    await harness.add("a");
    await harness.pass(DAY_MS - MINUTE_MS, 15_000);
    expect(new Set(harness.outcomes)).toEqual(new Set(["later"]));
    await harness.pass(10 * MINUTE_MS, 15_000);
    expect(harness.outcomes.at(-1)).toBe("dead");
    await harness.storage.webhooks.add([
      { id: "old", type: "t", lane: "b", createdMs: harness.clock.now() - 9 * DAY_MS, data: "{}" },
    ]);
    const before = harness.ids.length;
    await harness.pass(HOUR_MS, 5_000);
    expect(harness.ids.slice(before)).toEqual(Array.from({ length: 10 }, () => "old"));
    expect(harness.outcomes.at(-1)).toBe("dead");
  });
});

describe("an endpoint that is down for an hour", () => {
  test("is told of everything afterwards, in the order of each lane, once", async () => {
    await using harness = new WebhookHarness({ random: () => 0.5 });
    let isDown = true;
    const taken = failing(harness, () => isDown);
    harness.worker.start();
    const lanes = Array.from({ length: 30 }, (_, lane) => `${lane}`);
    for (let minute = 0; minute < 60; minute += 1) {
      for (const lane of lanes.slice(minute % 3)) await harness.add(lane, 1, minute + 1);
      await harness.pass(MINUTE_MS, 5_000);
    }
    expect(taken).toEqual([]);
    // Left alone: some hundred calls, and not one for each event and time.
    expect(harness.receiver.calls.length).toBeLessThan(300);
    isDown = false;
    await harness.pass(10 * MINUTE_MS, 1_000);
    expect(taken).toHaveLength(60 * 30 - 60);
    expect(new Set(taken).size).toBe(taken.length);
    for (const lane of lanes) {
      const numbers = taken
        .filter((id) => laneOf(id) === lane)
        .map((id) => Number(id.split("-")[1]));
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    }
    expect(await harness.storage.webhooks.waiting()).toBe(0);
    expect(harness.log.texts.filter((text) => !text.startsWith("error: An event"))).toEqual([
      "error: The back end does not take events: they wait",
      "info: The back end takes events again",
    ]);
  });

  test("is tried by one call at a time", async () => {
    await using harness = new WebhookHarness({ concurrency: 8 });
    harness.receiver.answer = status(500);
    harness.worker.start();
    for (let lane = 0; lane < 20; lane += 1) await harness.add(`${lane}`);
    await harness.pass(30_000);
    harness.receiver.mostAtOnce = 0;
    const before = harness.ids.length;
    await harness.pass(10 * MINUTE_MS);
    expect(harness.ids.length).toBeGreaterThan(before);
    expect(harness.receiver.mostAtOnce).toBe(1);
  });
});

describe("a worker that is stopped", () => {
  test("waits for what is under way, and begins nothing", async () => {
    await using harness = new WebhookHarness();
    const held = heldAnswer();
    harness.receiver.answer = () => held.answer;
    harness.worker.start();
    await harness.add("a", 2);
    await harness.receiver.received(1);
    const stopped = harness.worker.stop();
    held.release();
    await stopped;
    expect(harness.outcomes).toEqual(["sent"]);
    await harness.add("b");
    await harness.pass(5_000);
    expect(harness.ids).toEqual(["a-1"]);
    harness.receiver.answer = status(200);
    harness.worker.start();
    await harness.idle();
    expect(harness.ids.toSorted()).toEqual(["a-1", "a-2", "b-1"]);
  });

  test("ends a call that takes too long, and makes it again when it is started", async () => {
    await using harness = new WebhookHarness();
    const held = heldAnswer();
    harness.receiver.answer = () => held.answer;
    harness.worker.start();
    await harness.add("a");
    await harness.receiver.received(1);
    const stopped = harness.worker.stop();
    harness.clock.advance(2_000);
    await stopped;
    expect(harness.outcomes).toEqual([]);
    harness.receiver.answer = status(200);
    harness.worker.start();
    await harness.idle();
    expect(harness.ids).toEqual(["a-1", "a-1"]);
    expect(harness.outcomes).toEqual(["sent"]);
    held.release();
  });
});

describe("a store that fails", () => {
  /** A store in memory that keeps no outcomes, and says nothing of what is due, while it is told to. */
  function unsteady() {
    const { webhooks } = memoryStorage();
    const failing = { settle: false, due: false };
    const expect = (works: boolean) => {
      if (!works) throw new AppError("STORAGE_UNAVAILABLE", "the disk is full");
    };
    const store: Pick<WebhookStore, "due" | "nextDueMs" | "settle"> = {
      due: (...asked) => {
        expect(!failing.due);
        return webhooks.due(...asked);
      },
      nextDueMs: (lanes) => webhooks.nextDueMs(lanes),
      settle: async (outcomes) => {
        expect(!failing.settle);
        await webhooks.settle(outcomes);
      },
    };
    const add = (...ids: string[]) =>
      webhooks.add(
        ids.map((id) => ({ id, type: "t", lane: laneOf(id), createdMs: EPOCH_MS, data: "{}" })),
      );
    return { store, failing, add, waiting: () => webhooks.waiting() };
  }

  test("is asked again, and nothing is told twice meanwhile", async () => {
    const { store, failing, add, waiting } = unsteady();
    await using harness = new WebhookHarness({ store });
    await add("a-1", "a-2");
    failing.settle = true;
    harness.worker.start();
    await harness.pass(30_000);
    failing.due = true;
    await harness.pass(30_000);
    expect(harness.ids).toEqual(["a-1"]);
    failing.settle = failing.due = false;
    await harness.pass(2_000);
    expect(harness.ids).toEqual(["a-1", "a-2"]);
    expect(waiting()).toBe(0);
    expect(harness.log.lines).toEqual([]); // The store itself is told of elsewhere.
  });

  test("is told of no more than it can be told of later", async () => {
    const { store, failing, add } = unsteady();
    await using harness = new WebhookHarness({ store, concurrency: 3 });
    await add(...Array.from({ length: 50 }, (_, lane) => `${lane}-1`));
    failing.settle = true;
    harness.worker.start();
    await harness.pass(30_000);
    expect(harness.ids.length).toBeLessThanOrEqual(6);
  });

  test("does not hold up the stop, and is asked anew after the next start", async () => {
    const { store, failing, add, waiting } = unsteady();
    await using harness = new WebhookHarness({ store });
    await add("a-1");
    failing.settle = true;
    harness.worker.start();
    await harness.idle();
    await harness.worker.stop();
    failing.settle = false;
    harness.worker.start();
    await harness.idle();
    expect(harness.ids).toEqual(["a-1", "a-1"]);
    expect(waiting()).toBe(0);
  });
});
