import { describe, expect, test } from "bun:test";
import type { Timer } from "../../src/clock.ts";
import { FakeClock } from "../support/fake-clock.ts";
import {
  bodies,
  CROWD,
  endOfTurn,
  GATHER_MS,
  gatheringHarness,
  never,
} from "../support/gathering-harness.ts";
import type { FakeConnection } from "../support/session-harness.ts";

describe("to a large audience a message", () => {
  test("that comes alone goes with its turn", async () => {
    const { clock, publish, crowd } = gatheringHarness();
    const [peer = never()] = crowd();
    publish("1");
    await endOfTurn();
    expect(bodies(peer)).toEqual(["1"]);
    clock.advance(GATHER_MS);
    publish("2");
    await endOfTurn();
    expect(bodies(peer)).toEqual(["1", "2"]);
  });

  test("that follows soon waits for others, no longer than the time for it", async () => {
    const { clock, publishSoon, crowd } = gatheringHarness();
    const peers = crowd();
    await publishSoon("1", "2", "3");
    expect(peers.map(bodies)).toEqual(peers.map(() => ["1"]));
    clock.advance(GATHER_MS - 1);
    expect(peers.map(bodies)).toEqual(peers.map(() => ["1", "2", "3"]));
  });

  test("waits for nothing but the turn when gathering is off", async () => {
    const { publishSoon, crowd } = gatheringHarness(0);
    const [peer = never()] = crowd();
    await publishSoon("1", "2", "3");
    expect(bodies(peer)).toEqual(["1", "2", "3"]);
  });

  test("goes when the time is over even if the timer is late", async () => {
    const clock = new StoppedTimers();
    const { publish, crowd } = gatheringHarness(GATHER_MS, clock);
    const [peer = never()] = crowd();
    for (const body of ["1", "2", "3"]) {
      publish(body);
      await endOfTurn();
      clock.nowMs += GATHER_MS - 1;
    }
    expect(bodies(peer)).toEqual(["1"]);
    publish("4");
    await endOfTurn();
    expect(bodies(peer)).toEqual(["1", "2", "3", "4"]);
  });

  test("waits until there are so many that more would gain little", async () => {
    const { publish, publishSoon, crowd } = gatheringHarness();
    const [peer = never()] = crowd();
    await publishSoon("first", "second");
    for (let count = 2; count < 32; count += 1) publish(`${count}`);
    await endOfTurn();
    expect(bodies(peer)).toEqual(["first"]);
    publish("32");
    await endOfTurn();
    expect(bodies(peer)).toHaveLength(33);
  });

  test("does not even wait for its turn where that would hold too many", () => {
    const { publish, crowd } = gatheringHarness();
    const [peer = never()] = crowd();
    for (let count = 1; count < 256; count += 1) publish(`${count}`);
    expect(bodies(peer)).toHaveLength(0);
    publish("256");
    expect(bodies(peer)).toHaveLength(256);
  });

  test("does not even wait for its turn where that would hold too much", () => {
    const { publish, crowd } = gatheringHarness();
    const [peer = never()] = crowd();
    const large = "x".repeat(8 * 1024);
    for (let count = 1; count < 8; count += 1) publish(large);
    expect(bodies(peer)).toHaveLength(0);
    publish(large);
    expect(bodies(peer)).toHaveLength(8);
  });

  test("does not wait if it is large, and those that wait go before it", () => {
    const { publish, crowd } = gatheringHarness();
    const [peer = never()] = crowd();
    const large = "x".repeat(8 * 1024 + 1);
    for (const body of ["1", "2", large]) publish(body);
    expect(bodies(peer)).toEqual(["1", "2", large]);
  });

  test("does not wait for long where the next one comes only when it has arrived", async () => {
    const harness = gatheringHarness();
    const [peer = never()] = harness.crowd();
    const waitedMs = await inClosedLoop(harness, peer, 1_000);
    expect(waitedMs).toBeGreaterThan(0);
    expect(waitedMs).toBeLessThan(20 * GATHER_MS);
  });

  test("waits again as soon as others come, and what was before is forgotten", async () => {
    const harness = gatheringHarness();
    const [peer = never()] = harness.crowd();
    await inClosedLoop(harness, peer, 1_000);
    const busy = Array.from({ length: 300 }, (_, index) => `${index}`);
    await harness.publishSoon(...busy);
    expect(bodies(peer).length).toBeLessThan(busy.length);
    harness.clock.advance(GATHER_MS);
    expect(bodies(peer)).toEqual(busy);
    peer.sent.length = 0;
    expect(await inClosedLoop(harness, peer, 5)).toBeGreaterThan(GATHER_MS);
  });

  test.each([
    { together: 32, byTopic: 32 },
    { together: 33, byTopic: 31 },
    { together: 34, byTopic: 32 },
    { together: 128, byTopic: 32 },
  ])(
    "goes by the engine's topic up to one write of it: $byTopic of $together, in order",
    async (row) => {
      const { engine, clock, publish, crowd } = gatheringHarness();
      const peers = crowd();
      const all = Array.from({ length: row.together }, (_, index) => `${index}`);
      for (const body of all) publish(body);
      clock.advance(GATHER_MS);
      await endOfTurn();
      expect(engine.published).toBe(row.byTopic);
      expect(peers.map(bodies)).toEqual(peers.map(() => all));
    },
  );

  test("that comes alone does not wait with those to another audience", async () => {
    const { publish, publishSoon, crowd, open, subscribe } = gatheringHarness();
    const [peer = never()] = crowd();
    const others = Array.from({ length: CROWD }, () => {
      const other = open();
      subscribe(other, "/topic/other");
      return other;
    });
    await publishSoon("1", "2");
    publish("alone", "/topic/other");
    await endOfTurn();
    expect(others.map(bodies)).toEqual(others.map(() => ["alone"]));
    expect(bodies(peer)).toEqual(["1", "2"]);
  });
});

/** Each message follows when the one before has arrived. Returns how long all of them waited. */
async function inClosedLoop(
  { clock, publish }: ReturnType<typeof gatheringHarness>,
  peer: FakeConnection,
  count: number,
): Promise<number> {
  let waitedMs = 0;
  for (let published = 0; published < count; published += 1) {
    clock.advance(1);
    publish("x");
    await endOfTurn();
    for (let ms = 0; ms < GATHER_MS && peer.sent.length === 0; ms += 1) {
      clock.advance(1);
      waitedMs += 1;
    }
    expect(peer.sent).toHaveLength(1);
    peer.sent.length = 0;
  }
  return waitedMs;
}

describe("to an audience that is not large a message", () => {
  test("never waits", () => {
    const { publish, crowd } = gatheringHarness();
    const [peer = never()] = crowd(CROWD - 1);
    for (const body of ["1", "2", "3"]) publish(body);
    expect(bodies(peer)).toEqual(["1", "2", "3"]);
  });

  test("lets those that wait go before it where one gets both", () => {
    const { publish, crowd, subscribe } = gatheringHarness();
    const [peer = never(), other = never()] = crowd();
    subscribe(peer, "/topic/small", "small");
    for (const body of ["1", "2"]) publish(body);
    publish("3", "/topic/small");
    expect([bodies(peer), bodies(other)]).toEqual([
      ["1", "2", "3"],
      ["1", "2"],
    ]);
  });

  test("changes nothing for those that wait where none gets both", () => {
    const { publish, crowd, subscribe, open } = gatheringHarness();
    const [peer = never()] = crowd();
    const stranger = open();
    subscribe(stranger, "/topic/small", "small");
    for (const body of ["1", "2"]) publish(body);
    publish("3", "/topic/small");
    expect([bodies(peer), bodies(stranger)]).toEqual([[], ["3"]]);
  });
});

/** Its timers never run. */
class StoppedTimers extends FakeClock {
  nowMs = 0;
  override monotonicMs(): number {
    return this.nowMs;
  }
  override schedule(): Timer {
    return { cancel() {} };
  }
}
