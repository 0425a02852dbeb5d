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
  TOPIC,
} from "../support/gathering-harness.ts";
import type { FakeConnection } from "../support/session-harness.ts";

describe("to a large audience a message", () => {
  test("that comes alone goes at once", () => {
    const { clock, publish, crowd } = gatheringHarness();
    const [peer = never()] = crowd();
    publish("1");
    expect(bodies(peer)).toEqual(["1"]);
    clock.advance(GATHER_MS);
    publish("2");
    expect(bodies(peer)).toEqual(["1", "2"]);
  });

  test("that follows soon waits for others, no longer than the time for it", () => {
    const { clock, publishSoon, crowd } = gatheringHarness();
    const peers = crowd();
    publishSoon("1", "2", "3");
    expect(peers.map(bodies)).toEqual(peers.map(() => ["1"]));
    clock.advance(GATHER_MS - 1);
    expect(peers.map(bodies)).toEqual(peers.map(() => ["1", "2", "3"]));
  });

  test("waits for nothing when gathering is off", () => {
    const { publishSoon, crowd } = gatheringHarness(0);
    const [peer = never()] = crowd();
    publishSoon("1", "2", "3");
    expect(bodies(peer)).toEqual(["1", "2", "3"]);
  });

  test("goes when the time is over even if the timer is late", () => {
    const clock = new StoppedTimers();
    const { publish, crowd } = gatheringHarness(GATHER_MS, clock);
    const [peer = never()] = crowd();
    for (const body of ["1", "2", "3"]) {
      publish(body);
      clock.nowMs += GATHER_MS - 1;
    }
    expect(bodies(peer)).toEqual(["1"]);
    publish("4");
    expect(bodies(peer)).toEqual(["1", "2", "3", "4"]);
  });

  test("that the engine gathers by itself does not wait", () => {
    const { publish, crowd } = gatheringHarness();
    const [peer = never()] = crowd();
    for (const body of ["1", "2", "3"]) publish(body);
    expect(bodies(peer)).toEqual(["1", "2", "3"]);
  });

  test("waits until there are so many that more would gain little", () => {
    const { publish, publishSoon, crowd } = gatheringHarness();
    const [peer = never()] = crowd();
    publishSoon("first", "second");
    for (let count = 2; count < 32; count += 1) publish(`${count}`);
    expect(bodies(peer)).toEqual(["first"]);
    publish("32");
    expect(bodies(peer)).toHaveLength(33);
  });

  test("waits until there is so much that more might fill a send buffer", () => {
    const { publish, publishSoon, crowd } = gatheringHarness();
    const [peer = never()] = crowd();
    const large = "x".repeat(8 * 1024);
    publishSoon(large, large);
    for (let count = 2; count < 8; count += 1) publish(large);
    expect(bodies(peer)).toHaveLength(1);
    publish(large);
    expect(bodies(peer)).toHaveLength(9);
  });

  test("does not wait if it is large, and those that wait go before it", () => {
    const { publishSoon, crowd } = gatheringHarness();
    const [peer = never()] = crowd();
    const large = "x".repeat(8 * 1024 + 1);
    publishSoon("1", "2", large);
    expect(bodies(peer)).toEqual(["1", "2", large]);
  });

  test("does not wait for long where the next one comes only when it has arrived", () => {
    const harness = gatheringHarness();
    const [peer = never()] = harness.crowd();
    const waitedMs = inClosedLoop(harness, peer, 1_000);
    expect(waitedMs).toBeGreaterThan(0);
    expect(waitedMs).toBeLessThan(20 * GATHER_MS);
  });

  test("waits again as soon as others come, and what was before is forgotten", () => {
    const harness = gatheringHarness();
    const [peer = never()] = harness.crowd();
    inClosedLoop(harness, peer, 1_000);
    const busy = Array.from({ length: 300 }, (_, index) => `${index}`);
    harness.publishSoon(...busy);
    expect(bodies(peer).length).toBeLessThan(busy.length);
    harness.clock.advance(GATHER_MS);
    expect(bodies(peer)).toEqual(busy);
    peer.sent.length = 0;
    expect(inClosedLoop(harness, peer, 5)).toBeGreaterThan(GATHER_MS);
  });
});

/** Each message follows when the one before has arrived. Returns how long all of them waited. */
function inClosedLoop(
  { clock, publish }: ReturnType<typeof gatheringHarness>,
  peer: FakeConnection,
  count: number,
): number {
  let waitedMs = 0;
  for (let published = 0; published < count; published += 1) {
    clock.advance(1);
    publish("x");
    while (peer.sent.length === 0) {
      clock.advance(1);
      waitedMs += 1;
    }
    peer.sent.length = 0;
  }
  return waitedMs;
}

describe("to an audience that is not large a message", () => {
  test("never waits", () => {
    const { publishSoon, crowd } = gatheringHarness();
    const [peer = never()] = crowd(CROWD - 1);
    publishSoon("1", "2", "3");
    expect(bodies(peer)).toEqual(["1", "2", "3"]);
  });

  test("lets those that wait go before it where one gets both", () => {
    const { publish, publishSoon, crowd, subscribe } = gatheringHarness();
    const [peer = never(), other = never()] = crowd();
    subscribe(peer, "/topic/small", "small");
    publishSoon("1", "2");
    publish("3", "/topic/small");
    expect([bodies(peer), bodies(other)]).toEqual([
      ["1", "2", "3"],
      ["1", "2"],
    ]);
  });

  test("changes nothing for those that wait where none gets both", () => {
    const { publish, publishSoon, crowd, subscribe, open } = gatheringHarness();
    const [peer = never()] = crowd();
    const stranger = open();
    subscribe(stranger, "/topic/small", "small");
    publishSoon("1", "2");
    publish("3", "/topic/small");
    expect([bodies(peer), bodies(stranger)]).toEqual([["1"], ["3"]]);
  });
});

describe("where each subscriber has an id of its own", () => {
  test.each(["text", "binary", "sockjs"] as const)("each gets its own frames: %s", async (wire) => {
    const { publish, crowd } = gatheringHarness();
    const peers = crowd(300, "distinct", wire);
    const all = ["1", "", "drei", 'four: "4"\n', "5"];
    for (const body of all) publish(body);
    expect(peers.flatMap(bodies)).toEqual([]);
    await endOfTurn();
    for (const [index, peer] of peers.entries()) {
      expect(bodies(peer)).toEqual(all);
      const ids = peer.frames().map((frame) => frame.header("subscription"));
      expect(ids).toEqual(all.map(() => `sub-${index}`));
    }
  });

  test.each(["text", "binary", "sockjs"] as const)("and no text is mangled: %s", async (wire) => {
    const { publish, open, subscribe } = gatheringHarness();
    const ids = ["a", "b", "ä", "ö", "漢", "cd", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n"];
    const peers = ids.map((id) => {
      const peer = open(wire);
      subscribe(peer, TOPIC, id, wire);
      return peer;
    });
    const all = ["1", "zwölf", "漢字 🙂", "4", "5"];
    for (const body of all) publish(body);
    await endOfTurn();
    for (const [index, peer] of peers.entries()) {
      expect(bodies(peer)).toEqual(all);
      expect(peer.last().header("subscription")).toBe(ids[index]);
    }
  });

  test("one that comes alone does not wait with those of others", async () => {
    const { publish, publishSoon, crowd, open, subscribe } = gatheringHarness();
    const [peer = never()] = crowd();
    const others = Array.from({ length: CROWD }, (_, index) => {
      const other = open();
      subscribe(other, "/topic/other", `sub-${index}`);
      return other;
    });
    publishSoon("1", "2");
    publish("alone", "/topic/other");
    await endOfTurn();
    expect(others.map(bodies)).toEqual(others.map(() => ["alone"]));
    expect(bodies(peer)).toEqual(["1", "2"]);
  });

  test("what is sent to one of them comes after what was published before", async () => {
    const { publish, crowd } = gatheringHarness();
    const [peer = never(), other = never()] = crowd(CROWD, "distinct");
    publish("1");
    peer.send("RECEIPT\nreceipt-id:1\n\n\0");
    expect(peer.commands()).toEqual(["MESSAGE", "RECEIPT"]);
    expect(bodies(other)).toEqual(["1"]);
  });

  test("what is not UTF-8 reaches text clients too", async () => {
    const { publish, crowd } = gatheringHarness();
    const peers = crowd(CROWD, "distinct");
    const all = ["1", new Uint8Array([0xff, 0, 0xfe]), "3", "4", "5"];
    for (const body of all) publish(body);
    await endOfTurn();
    for (const peer of peers) {
      const got = peer.frames().map(({ body }) => Buffer.from(body));
      expect(got).toEqual(all.map((body) => Buffer.from(body)));
    }
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
